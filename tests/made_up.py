"""Records that no training made."""

import numpy as np

from kmlp.run import EpochRecord


def made_up_record(epoch, accuracy):
    """An epoch with the same accuracy everywhere; nan stands for one that diverged."""
    return EpochRecord(
        epoch=epoch,
        loss=1 - accuracy,
        accuracy=accuracy,
        val_loss=1 - accuracy,
        val_accuracy=accuracy,
        test_loss=1 - accuracy,
        test_accuracy=accuracy,
        seconds=1.0,
        step_losses=np.ones(1, "float32"),
    )
