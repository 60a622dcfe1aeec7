"""A whole hub in one file, and back: see docs/operations.md, "Backup and restore".

Promises:

1. Whatever a sensor had an acknowledgement for when the backup began is in it: in the broker's
   memory, in the journal or in the store. So they are read in that order, for a message only moves
   that way: one that is read twice is written twice, which changes nothing, or counts as duplicate.
2. A backup changes nothing of the hub and stops nothing of it.
3. A restore reads the whole archive and checks every part of it before it changes anything.
4. A restore that is interrupted is completed by the same command.
5. What stands in a restore's way is moved aside, never deleted.
"""
