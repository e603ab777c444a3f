"""Methods that mix images by what is salient in them."""
