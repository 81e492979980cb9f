/*
 * The registry's protocol, for spin: two appliers, a crash or a lost lease anywhere, one HEAD and its tables.
 * docs/registry_protocol.md explains it; `make model` checks it, and that each mutation below breaks it.
 *
 * Two objects, each with one table per definition. Table 0 and 1 serve them at first. Plan 0 gives object 0 the
 * table 2; plan 1 gives the table 3 to object 1 (disjoint) or to object 0 as well (CONFLICT). A table is a name in a
 * store: with REUSES plan 2 does what plan 1 does under the name 0, once that name is free.
 *
 * Stores fail FAILS times: a drop that cannot be done is owed, which HEAD says. VANISH tables are dropped by somebody
 * who is not asof, at any instant.
 *
 * What the names stand for: asof/registry/claim.py (take, swap, settled, commit, release, withdraw, abandon, unlock),
 * asof/ops/apply.py (verify, expand, contract), asof/ops/recovery.py (settle, and what is owed).
 */

#ifndef ATTEMPTS
#define ATTEMPTS 4      /* claims that may be taken in one run */
#endif
#ifndef CRASHES
#define CRASHES 3
#endif
#ifndef FAILS
#define FAILS 0         /* drops that a store may refuse */
#endif
#ifndef VANISH
#define VANISH 0        /* tables that somebody may drop behind our backs */
#endif
#define IDS (ATTEMPTS + 2)      /* two are kept for whoever cleans up in the end */
#define TABLES 4
#define NONE 9

#ifdef CONFLICT
#define OBJECT(plan) 0
#else
#define OBJECT(plan) (plan -> 1 : 0)
#endif
#define MADE(plan) (plan == 2 -> 0 : 2 + plan)
#define BASE(plan) OBJECT(plan)

/* HEAD.json: the only thing that is ever replaced. Holders are attempt + 1; 0 is nobody. */
byte head_tag = 1;
byte head_table[2];
byte head_holder = 0;
byte head_unfinished = 0;       /* a bit for each attempt */
byte head_last = 0;             /* whose work the current generation is */
byte head_owed = 0;             /* a bit for each table that is to be dropped and could not be */
bool lease = false;             /* whether `until` still lies ahead */

/* The journal: which plan an attempt wrote down before it did anything. */
byte journal[IDS];

/* The stores. */
bool exists[TABLES];
byte failed = 0;
byte vanished = 0;
byte gone = 0;                  /* a bit for each table that somebody dropped and nobody made anew */

/* What only the proof knows. */
byte committed[2];              /* the table that was last committed for an object */
byte attempts = 0;
byte crashes = 0;
byte ended = 0;
bool closing = false;           /* both appliers are gone: no more crashes, no more lost leases */

#define RECORDED(t) (head_table[0] == t || head_table[1] == t)
#define NAMES(id, t) (journal[id] != NONE && (MADE(journal[id]) == t || BASE(journal[id]) == t))
#define ANSWERS(id, t) (((head_unfinished & (1 << id)) || head_holder == id + 1) && NAMES(id, t))
#define LISTED(t) (ANSWERS(0, t) || ANSWERS(1, t) || ANSWERS(2, t) || ANSWERS(3, t) || ANSWERS(4, t) || ANSWERS(5, t))
#define BIT(t) (1 << (t))
#define OWED(t) (head_owed & BIT(t))
#define ORPHAN(t) (exists[t] && !RECORDED(t) && !LISTED(t) && !OWED(t))
#define LOST(t) (!exists[t] && !(gone & BIT(t)))
#define RIGHT(t) (exists[t] == (RECORDED(t) && !(gone & BIT(t))))

#define DIE goto dead

/* A process may end here without a word, or be asked to stop and leave its claim (abandon). */
inline instant() {
    if
    :: crashes < CRASHES -> crashes++; DIE
    :: skip
    fi
}

/* One conditional write of HEAD, of all that this process believes to be in it. */
inline swap(running) {
    atomic {
#ifdef NO_FENCING
        if
        :: true ->
#else
        if
        :: head_tag != my_tag -> DIE
        :: else ->
#endif
            head_tag++;
            my_tag = head_tag;
            head_table[0] = my_table[0]; head_table[1] = my_table[1];
            head_holder = my_holder;
            head_unfinished = my_unfinished;
            head_last = my_last;
            head_owed = my_owed;
            lease = running
        fi
    }
}

/*
 * The guard before a step (HEAD is still as this process wrote it; a lease that ran out is renewed), and the step.
 * A step that has begun ends before anybody takes over: that is what leases assume, and FROZEN takes away.
 */
inline guard() {
    if
    :: head_tag != my_tag -> DIE
    :: head_tag == my_tag && !lease -> head_tag++; my_tag = head_tag; lease = true
    :: else
    fi
}

inline step(table, value) {
    instant();
    atomic {
        guard();
#ifdef FROZEN
        true
    }
    atomic {
#endif
#ifdef STRICT_DROPS
        if
        :: !value && !exists[table] -> DIE
        :: else
        fi;
#endif
        exists[table] = value; gone = gone & ~BIT(table)
    }
}

/* A drop, after which nobody misses the table. What the store refuses is owed: HEAD will say so with its next swap. */
inline drop(table) {
    if
    :: atomic { failed < FAILS -> failed++;
#ifdef NO_OWED
        my_owed = my_owed & ~BIT(table) }
#else
        my_owed = my_owed | BIT(table) }
#endif
    :: true -> step(table, false); my_owed = my_owed & ~BIT(table)
    fi
}

/* What others owe is tried again, by its name: names that stand or are owed are nobody else's. */
inline pay() {
    id = 0;
    do
    :: id < TABLES ->
        if
        :: my_owed & BIT(id) -> drop(id)
        :: else
        fi;
        id++
    :: else -> break
    od;
    id = 0
}

inline verify(stale) {
    stale = (my_table[OBJECT(plan)] != BASE(plan))
}

/*
 * Whether a plan that is begun now would take a name that stands, or that somebody still means to drop: who owes it,
 * and who stopped on their way. A table that vanished does not free its name.
 */
#define MEANT(id) ((my_unfinished & BIT(id)) && NAMES(id, 0))
#ifdef REUSE_NAME
#define TAKEN(plan) (my_table[0] == MADE(plan) || my_table[1] == MADE(plan))
#else
#define TAKEN(plan) (plan == 2 && (exists[0] || (my_owed & BIT(0)) || my_table[0] == 0 || my_table[1] == 0 || \
    MEANT(0) || MEANT(1) || MEANT(2) || MEANT(3) || MEANT(4) || MEANT(5)))
#endif

/* Finish what was committed, undo what was not, unless it is what goes on now. */
inline settle(goes_on) {
    id = 0;
    do
    :: id < IDS ->
        if
        :: (my_unfinished & (1 << id)) && journal[id] != NONE ->
            if
            :: my_last == id + 1 ->
                left = BASE(journal[id])
            :: my_last != id + 1 && journal[id] != goes_on ->
                left = MADE(journal[id])
            :: else ->
                left = NONE
            fi;
            if
            :: left != NONE && my_table[0] != left && my_table[1] != left -> drop(left)
            :: else
            fi;
            left = NONE
        :: else
        fi;
        id++
    :: else -> break
    od;
    id = 0;
    if
    :: my_unfinished -> instant(); my_unfinished = 0; swap(true)
    :: else
    fi
}

inline take() {
    atomic {
        if
        :: attempts == limit || lease -> DIE
        :: else
        fi;
        me = attempts; attempts++;
        my_tag = head_tag;
        my_table[0] = head_table[0]; my_table[1] = head_table[1];
        my_last = head_last; my_owed = head_owed;
        before_holder = head_holder; before_unfinished = head_unfinished;
#ifdef ONE_PREDECESSOR
        my_unfinished = (head_holder -> (1 << (head_holder - 1)) : 0);
#else
        my_unfinished = head_unfinished | (head_holder -> (1 << (head_holder - 1)) : 0);
#endif
        my_holder = me + 1
    }
    instant();
    swap(true)
}

inline expand_commit_contract() {
#ifdef CONTRACT_FIRST
    step(BASE(plan), false);
#endif
    step(MADE(plan), true);
    instant();
    atomic {
        my_table[OBJECT(plan)] = MADE(plan);
        my_last = me + 1;
#ifndef NO_FENCING
        if
        :: head_tag == my_tag ->
            assert(committed[OBJECT(plan)] == BASE(plan));      /* nobody's update is overwritten */
            committed[OBJECT(plan)] = MADE(plan)
        :: else
        fi;
#else
        committed[OBJECT(plan)] = MADE(plan);
#endif
        swap(true)
    }
    drop(BASE(plan));
    pay()
}

/* apply (own plan), resume and abort, again and again, until no attempt is left or nobody wants to. */
proctype Applier(byte own; bool immortal) {
    byte my_tag, my_holder, my_unfinished, my_last, my_owed, me, plan, id, left = NONE, before_holder, before_unfinished;
    byte my_table[2];
    byte limit = (immortal -> IDS : ATTEMPTS);
    bool stale;

again:
    do
    :: !immortal && attempts < ATTEMPTS ->
        /* apply: a plan that readers see already, or that is stale, is not begun. */
        if
        :: head_table[OBJECT(own)] == BASE(own) -> plan = own
#ifdef REUSES
        :: own == 1 && head_table[1] == 1 && !RECORDED(0) -> plan = 2
#endif
        :: else -> break
        fi;
        take();
        verify(stale);
        stale = stale || TAKEN(plan);
        if
        :: stale -> goto withdraw
        :: else
        fi;
        goto work
    :: (head_holder != 0 || head_owed) && !lease && attempts < limit ->
        take();
        if
        :: my_unfinished == 0 -> goto only_pay
        :: else
        fi;
        if
        :: true ->                                              /* abort */
            plan = NONE
        :: true ->                                              /* resume: the newest plan that was begun */
            plan = NONE; id = IDS;
            do
            :: id > 0 && plan == NONE ->
                id--;
                if
                :: (my_unfinished & (1 << id)) && journal[id] != NONE ->
                    if
                    :: my_last == id + 1 -> break
                    :: else -> plan = journal[id]
                    fi
                :: else
                fi
            :: else -> break
            od;
            id = 0
        fi;
        if
        :: plan == NONE -> goto only_settle
        :: else
        fi;
        verify(stale);
        if
        :: stale -> goto withdraw
        :: else
        fi;
        goto work
    :: !immortal -> break
    :: immortal && ((head_holder == 0 && !head_owed) || attempts == limit) -> break
    od;
    goto out;

work:
    instant();
    journal[me] = plan;
#ifndef NO_SETTLE
    settle(plan);
#else
    my_unfinished = 0;
#endif
    expand_commit_contract();
    goto release;

only_settle:
    settle(NONE);

only_pay:
    pay();

release:
    instant();
    my_holder = 0; my_unfinished = 0;
    swap(false);
    goto again;

withdraw:
    instant();
    my_holder = before_holder; my_unfinished = before_unfinished;
    swap(false);
    goto again;

dead:
    skip;
    d_step {
        my_tag = 0; my_holder = 0; my_unfinished = 0; my_last = 0; my_owed = 0; me = 0; plan = 0; id = 0; left = NONE;
        before_holder = 0; before_unfinished = 0; my_table[0] = 0; my_table[1] = 0; stale = false
    };
    if
    :: attempts < limit -> goto again
    :: else
    fi;

out:
    ended++
}

/* Time passes, or somebody breaks the glass: at any instant, whoever is at work. */
proctype Clock() {
end:
    do
    :: atomic { lease && !closing -> lease = false }
    :: atomic { lease && !closing -> lease = false; head_tag++ }
    od
}

/* Somebody drops a table that is none of theirs. */
proctype Vandal() {
    byte t;
end:
    do
    :: atomic { vanished < VANISH && !closing ->
        select(t : 0 .. 3);
        if
        :: exists[t] -> exists[t] = false; gone = gone | BIT(t); vanished++
        :: else
        fi;
        t = 0
    }
    od
}

/* What holds in every state. A reader that finds its table gone has seen HEAD move on: it reads again. */
proctype Invariants() {
end:
    do
    :: atomic { LOST(head_table[0]) || LOST(head_table[1]) -> assert(false) }
    :: atomic { head_table[0] != committed[0] || head_table[1] != committed[1] -> assert(false) }
    :: atomic { ORPHAN(0) || ORPHAN(1) || ORPHAN(2) || ORPHAN(3) -> assert(false) }
    od
}

init {
    atomic {
        byte i = 0;
        do
        :: i < IDS -> journal[i] = NONE; i++
        :: else -> break
        od;
        head_table[1] = 1; committed[1] = 1;
        exists[0] = true; exists[1] = true;
        run Clock(); run Invariants();
#if VANISH
        run Vandal();
#endif
        run Applier(0, false); run Applier(1, false)
    }
    ended == 2;
    atomic { closing = true; crashes = CRASHES; failed = FAILS; lease = false; run Applier(NONE, true) }
    ended == 3;
    /* Whatever happened, one recovery that is not disturbed leaves nothing behind. */
    assert(head_holder == 0 && head_unfinished == 0 && head_owed == 0);
    assert(RIGHT(0) && RIGHT(1) && RIGHT(2) && RIGHT(3))
}
