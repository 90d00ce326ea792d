"""How the site writes dates and times: one form everywhere, which sorts and names its zone."""
