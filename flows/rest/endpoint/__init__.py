"""What every endpoint of the API shares, whatever settings of DRF a project has.

Who a caller is remains the project's: `DEFAULT_AUTHENTICATION_CLASSES` of its `REST_FRAMEWORK`.
"""
