package dev.holdfast.cache.monitor;

import java.time.Duration;
import java.util.List;

/** Sends alerts somewhere, once: whether and when again is for others to decide. Of one thread. */
interface Sender {

    /** Where to, in one word. */
    String channel();

    /** Whether several alerts may go as one message. */
    boolean takesSeveral();

    /** Sends a message. Takes no longer than ten seconds, by mail twenty. */
    Outcome send(List<Transition> message);

    /** Breaks off a sending that is under way, from another thread: there is nothing to be sent any more. */
    void cancel();

    /**
     * What became of a message.
     *
     * @param taken whether it was taken
     * @param mayRepeat whether it may be taken another time
     * @param retryAfter how long to wait before that, at least; zero if nobody said
     * @param error what went wrong, without the address; empty if nothing did
     */
    record Outcome(boolean taken, boolean mayRepeat, Duration retryAfter, String error) {
        static final Outcome TAKEN = new Outcome(true, false, Duration.ZERO, "");
    }
}
