"""How many answers the prior of a thin cell weighs, told from the measured table itself (empirical Bayes).

k = mean variance of a grade within a cell / variance between cells beyond task type and model. The second is the mean
square of what a cell lies off `mean of its type + mean offset of its model`, less what chance alone would give; so k is
large where knowing type and model says all, and small where models have strong points of their own.
Source: method of moments for the normal model, C. N. Morris, JASA 78 (1983) 47-55.
"""

import numpy as np
from msgspec.structs import replace

from baton.decide.table import PRIOR_WEIGHT
from baton.types.learned import QualityTable

LEAST, MOST = 2.0, 200.0
FEWEST_CELLS = 6


def weighed(table: QualityTable) -> QualityTable:
    """The table with its own prior weight."""
    return replace(table, prior_weight=prior_weight(table))


def prior_weight(table: QualityTable) -> float:
    """LEAST to MOST answers; the default where the table has too few cells to tell."""
    types = [name for name, row in table.cells.items() if any(cell.n for cell in row.values())]
    models = sorted({model for name in types for model, cell in table.cells[name].items() if cell.n})
    n = np.array([[cell.n if (cell := table.cells[name].get(model)) else 0 for model in models] for name in types])
    if (n > 0).sum() < FEWEST_CELLS or len(types) < 2 or len(models) < 2:
        return PRIOR_WEIGHT
    quality = np.array(
        [[cell.quality if (cell := table.cells[name].get(model)) else 0.0 for model in models] for name in types]
    )
    graded = n > 0
    of_type = np.average(quality, axis=1, weights=n)[:, None]
    of_model = ((quality - of_type) * n).sum(axis=0) / n.sum(axis=0)
    within = quality * (1 - quality)
    chance = within[graded] / n[graded]
    beyond = float(((quality - of_type - of_model)[graded] ** 2 - chance).mean())
    if beyond <= 0:
        return MOST
    return float(np.clip(within[graded].mean() / beyond, LEAST, MOST))
