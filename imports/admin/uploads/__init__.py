"""The pages of an upload: uploading, its review, its problems, the confirmation."""
