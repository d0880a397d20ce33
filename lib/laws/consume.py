from advlib.laws.limits import *  # noqa
from advlib.laws.optimal import *  # noqa
from advlib.laws.predict import *  # noqa
from advlib.laws.rows import *  # noqa
from advlib.laws.trade import *  # noqa
