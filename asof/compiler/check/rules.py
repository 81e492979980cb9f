"""The findings about references and shapes (AS302 to AS326), the house rules (AS650 on), and those that plans find."""

from asof.compiler.diagnostics import Level, rule

UNKNOWN = rule("AS302", "a name that nothing in the repo has")
WRONG_KIND = rule("AS303", "a reference to something of the wrong kind")
UNKNOWN_COLUMN = rule("AS304", "a column that is not declared")
COLUMN_TYPE = rule("AS305", "a column has another type where it comes from")
NOT_A_TIMESTAMP = rule("AS306", "a time that is not a timestamp")
REPEATED_NAME = rule("AS307", "a name is used twice in one definition")
OUTPUT_CLASH = rule("AS308", "two columns of a service share a name")
CYCLE = rule("AS309", "views that depend on each other in a circle")
AGGREGATION_KEYS = rule("AS310", "a function is missing a key, or has one that it cannot use")
AGGREGATION_TYPE = rule("AS311", "a function that makes no sense of a column's type")
WINDOW = rule("AS312", "a window without length, or twice the same")
NO_TTL = rule("AS313", "a ttl that no value can meet")
MOVED_FROM = rule("AS314", "a former name that is still in use")
REPLACEMENT = rule("AS315", "a replacement that does not exist")
DEPRECATED = rule("AS316", "something deprecated is in use", Level.WARNING)
KEY_MAP = rule("AS317", "a join key map that does not fit its view")
TEST_ROWS = rule("AS318", "rows of a test that do not fit")
KEY_TYPE = rule("AS319", "a type that cannot be a join key")
NO_TIME = rule("AS320", "rows without a time")
UNKNOWN_TARGET = rule("AS321", "a target that asof.yaml does not have")
ALLOW = rule("AS322", "a finding that cannot be accepted")
SPINE = rule("AS323", "a spine that lacks a column")
NO_HISTORY = rule("AS324", "a stream without a history")
DAY = rule("AS325", "rows are seen before their day is over", Level.WARNING)
PARTITION = rule("AS326", "a partition column that holds no dates")

OWNER = rule("AS650", "an object has no owner", Level.WARNING)
DESCRIPTION = rule("AS651", "an object has no description", Level.WARNING)
TTL = rule("AS652", "a view has no ttl", Level.WARNING)
TAGS = rule("AS653", "an object lacks a tag", Level.WARNING)
NAMING = rule("AS654", "a name breaks the house rule", Level.WARNING)
RESTRICTED = rule("AS656", "what is tagged reaches a service that it must not reach", Level.WARNING)
TOO_MANY = rule("AS657", "a view or service has too many features", Level.WARNING)
BAD_POLICY = rule("AS667", "a house rule that cannot be followed")

IDLE_MOVE = rule("AS655", "a former name that does nothing", Level.WARNING)
NOT_DEPRECATED = rule("AS658", "what breaks was not deprecated before", Level.WARNING)
UNSTABLE = rule("AS659", "values change that are to stay", Level.WARNING)
BROKEN_POLICY = rule("AS661", "a policy of the repo is broken", Level.WARNING)
NOBODY = rule("AS666", "nobody answers for what needs an approval", Level.WARNING)

PLANNED = frozenset(rule.code for rule in (IDLE_MOVE, NOT_DEPRECATED, UNSTABLE, BROKEN_POLICY, NOBODY))
"""What only a plan can find; an object can accept it all the same."""
HOUSE_RULES = frozenset(rule.code for rule in (OWNER, DESCRIPTION, TTL, TAGS, NAMING, RESTRICTED, TOO_MANY))
"""What teams decide for themselves. As an error it does not keep a plan from being made: it blocks it."""
