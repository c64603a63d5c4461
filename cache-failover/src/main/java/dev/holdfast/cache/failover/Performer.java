package dev.holdfast.cache.failover;

import java.util.List;

/** Does outside what was decided. */
interface Performer {
    /** Does nothing: before the real one is there. */
    Performer NONE = new Performer() {};

    /** Takes in what was decided, in order. Under the switchboard's lock. */
    default void note(List<Effect> effects) {}

    /** Has it done. Not under the lock. */
    default void perform(List<Effect> effects) {}
}
