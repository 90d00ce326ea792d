"""The addresses of accounts, under /api."""

from django.urls import path

from accounts import api

urlpatterns = [
    path("auth/health", api.ServiceHealth.as_view(), name="auth-health"),
    path("auth/login", api.Login.as_view(), name="login"),
    path("auth/refresh-token", api.RefreshToken.as_view(), name="refresh-token"),
    path("auth/logout/<str:user_id>", api.Logout.as_view(), name="logout"),
    path("auth/profile", api.Profile.as_view(), name="profile"),
]
