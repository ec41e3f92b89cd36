"""The fault table: each fault, where it is made to happen here, and the figure that must hold.

Every test also shows that the fault happened. The long forms are marked `slow` (`pytest -m slow`);
a shorter one of each runs by default.

Row 1, trainer killed in the middle: test_children, test_kills (100 kills), worker/training/
    test_resume. Ends bit for bit like the run left alone; steps once each; at most `save_every`
    steps are done again.
Row 2, killed while it saves: worker/training/test_resume. The half-written state counts nowhere.
Row 3, worker killed: test_workers, test_kills. Child and forkserver end too; the next worker goes
    on; bit for bit.
Row 4, web process killed: journeys/test_5_restart; no test here has a web process at all.
Row 5, everything killed: test_workers, test_kills (20 cycles).
Row 6, poison: test_children, storage/test_runs_recovery. Failed after three deaths without
    progress, with the signal named; deaths with progress do not count.
Row 7, told to end: test_workers. Saved and queued within 25 seconds, no crash counted.
Row 8, stop, discard, hang: test_children, worker/test_watch, storage/test_run_machine.
Row 9, two workers race: storage/test_races (16 processes, 10,000 runs), test_doorbell,
    storage/test_run_machine (10,000 stories).
Row 10, paused past its lease: test_workers. Fenced off at its first write; one result.
Row 11, locked: storage/test_races (8 writers and 20 tabs: 99 of 100 writes in 250 ms), test_locked
    (8 seconds).
Row 12, disk full at a checkpoint: test_full_disk. Stopped with figures; goes on, bit for bit.
Row 13, disk full elsewhere: test_full_disk, test_datasets, storage/test_full_disk.
Row 14, killed for memory: test_children (oom_score_adj), worker/test_failures.
Row 15, card out of memory: worker/test_failures and the retry's own tests.
Row 16, clock set: test_clock, storage/test_leases. One attempt, bit for bit, no curve goes back.
Row 17, power loss: storage/test_power_loss. Files, folders, rename, parent: in that order.
Row 18, bit rot: storage/test_bit_rot (100 flips a file), worker/training/test_unchanged,
    worker/training/test_resume.
Row 19, Redis away or emptied: test_redis (60 seconds).
Row 21, curve rows doubled or lost: worker/training/test_resume, test_kills.
Row 26, standing still: worker/test_watch, worker/test_standstill.
Row 27, another version: storage/test_earlier_specs, worker/training/test_resume (libraries).
"""
