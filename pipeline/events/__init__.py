"""Events: CloudEvents in, typed structs or rejections out."""
