"""Who is acting, how they proved it, and what they may see."""
