"""The fault table: each fault, where it is made to happen here, and the figure that must hold.

Every test also shows that the fault happened. The long forms are marked `slow` (`pytest -m slow
-o log_cli=true --log-cli-level=INFO` tells their figures); a shorter one of each runs by default.

Row 1, trainer killed in the middle: test_children, test_kills (100 kills), worker/training/
    test_resume. Ends bit for bit like the run left alone; steps once each; at most `save_every`
    steps are done again; taken up within 45 seconds.
Row 2, killed while it saves: test_file_events (before, and in the middle of, every event of its
    files), worker/training/test_resume. Bit for bit; nothing half-written is left or counts.
Row 3, worker killed: test_workers, test_kills (50 kills). Child and forkserver end too, and before
    the next one begins; taken over within 45 seconds; bit for bit.
Row 4, web process killed: test_web (50 kills), journeys/test_5_restart. No run takes notice; lists
    show the same afterwards; half an upload is no dataset, and can go on.
Row 5, everything killed: test_workers, test_kills (20 cycles). No process and no run is left.
Row 6, poison: test_children, storage/test_runs_recovery. Failed after three deaths without
    progress, with the signal named; deaths with progress do not count.
Row 7, told to end: test_workers, test_kills (50 times). Saved and queued, no crash counted; the
    next one goes on from that very step; bit for bit.
Row 8, stop, discard, delete, hang: test_children, test_web (each pressed several times at once has
    one effect), worker/test_watch, storage/test_run_machine.
Row 9, two workers race: storage/test_races (16 processes, 10,000 runs), test_doorbell,
    storage/test_run_machine (10,000 stories).
Row 10, paused past its lease: test_workers. Fenced off at its first write; nothing of it is left.
Row 11, locked: storage/test_races (8 writers and 20 tabs: 99 of 100 writes in 250 ms), test_locked
    (8 seconds).
Row 12, disk full at a checkpoint: test_full_disk. Stopped with figures; goes on, bit for bit.
Row 13, disk full elsewhere: test_full_disk (log), test_full_home (database and uploads: 20 times;
    pages are shown, answers name the volume), test_datasets, storage/test_full_disk.
Row 14, killed for memory: test_hangs (told by the system's count; half the batch, and the rest
    lives on), worker/test_failures, worker/test_memory_kills.
Row 15, card out of memory: worker/test_failures and the retry's own tests.
Row 16, clock set: test_clock (20 times), storage/test_leases. One attempt, bit for bit, no curve
    goes back.
Row 17, power loss: test_power (200 cuts: what was not brought to disk is taken back, and nothing
    that was acknowledged is lost), storage/test_power_loss (the order of the calls).
Row 18, bit rot: storage/test_bit_rot (100 flips a file), worker/training/test_unchanged,
    worker/training/test_resume.
Row 19, Redis away or emptied: test_redis (60 seconds; drained within 15).
Row 21, curve rows doubled or lost: worker/training/test_resume, test_kills.
Row 24, huge history: test_history (a million points, 5,000 runs, 500 datasets: 95 of 100 pages in
    1.5 seconds), storage/test_curves.
Row 25, tabs and reloads: test_history (20 tabs: no more than 50 MB more), journeys/test_5_restart,
    journeys/test_1_first_adapter, studio/services/test_ownership.
Row 26, standing still: test_hangs (a disk that never answers), worker/test_watch,
    worker/test_standstill.
Row 27, another version: test_hangs, storage/test_earlier_specs, worker/training/test_resume
    (libraries).
"""
