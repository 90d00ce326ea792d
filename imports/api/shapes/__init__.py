"""The bodies of the REST door's requests and answers, as serializers."""
