"""The REST door: each view reads a request, calls one function of a service room, and answers.

The site includes `urls`. `shapes/` describes the bodies; `errors` translates what views raise.
"""
