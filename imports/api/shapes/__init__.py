"""The serializers of the REST API's requests and responses."""
