"""Files that wait in the admin for somebody to decide: `pending` keeps them and confirms them."""
