"""What any request may carry or lack: a key to ask again, a condition, a page, rights; refusals."""
