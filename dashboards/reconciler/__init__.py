"""Brings a Grafana to the declared state, and finds what somebody changed by hand.

Promises:
1. `plan` changes nothing; after an `apply` that failed nowhere, `plan` has nothing to do.
2. A dashboard, library panel or folder that was edited by hand is overwritten on request alone
   (`drift --overwrite`).
3. Only what the hub made is deleted, and nothing of others goes with it.
4. No secret is printed, logged, or written anywhere but into Grafana's own secret store.
5. A run that was cut off, or met a Grafana that restarted, is finished by the next one; a write
   whose answer was lost is not done twice.
"""
