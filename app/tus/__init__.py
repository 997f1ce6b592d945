"""/uploads: resumable uploads by tus 1.0, whose bytes outlive requests, restarts and servers."""
