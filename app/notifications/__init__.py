"""'Something waits for you', in the pages and by mail, without clinical words."""
