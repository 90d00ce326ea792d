"""The REST API of imports: each view reads a request, calls one service function, and responds.

The site includes `urls`. `shapes/` has the serializers; `errors` maps exceptions to responses.
"""
