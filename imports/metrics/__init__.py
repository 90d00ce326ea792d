"""Metrics for Prometheus, with the extra `metrics`, where ZIGGY_METRICS says so: one more door.

`catalog` has what is exported. `counting` counts what happens in a process, `readers` reads the
state of the server when somebody asks, and `endpoint` answers who may ask. Only `instruments` and
`endpoint` need prometheus-client; nothing here is imported without the setting.
"""
