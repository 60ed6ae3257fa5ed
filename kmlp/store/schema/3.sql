-- The right to train a run is a lease: it ends with its process, or when its heart stops.
-- (Steps 1 and 2 call it a claim.)

ALTER TABLE claims RENAME TO leases;
