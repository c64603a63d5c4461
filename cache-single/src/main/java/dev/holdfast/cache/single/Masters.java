package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.Causes;
import dev.holdfast.cache.redis.Address;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the master is, by what the sentinels say. They are asked when a connection is opened and it is not known, or what is known is in
 * doubt: all of them at the same time, and what most of them say is taken. A switch that one of them tells is believed at once.
 * Thread-safe.
 */
final class Masters {
    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);

    /** So long those that are slow are waited for while one has answered. */
    private static final long STRAGGLERS_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** So long sentinels are not believed that still name the former master: they tell each other of a switch every two seconds. */
    private static final long HEARSAY_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** So long sentinels are asked where a master is known, which is tried if none of them answers. */
    private static final long DOUBT_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Place.Master place;
    private final List<Sentinel> sentinels = new ArrayList<>();
    private final Sentinel.Listener listener = new Sentinel.Listener() {
        @Override
        public void switched(Address to) {
            Address unused = become(to, true);
        }

        @Override
        public void missed() {
            lookAgain();
        }

        @Override
        public void nothingNew() {
            confirm();
        }
    };
    private volatile Runnable whenSwitched = () -> {};
    private volatile boolean doubted;
    private volatile @Nullable Address known;

    /** The former master, and when a sentinel told of the switch: the others may not have heard of it yet. */
    private @Nullable Address left;

    private long leftAt;

    /** Whether one sentinel alone told of the last switch, and the others are still to be asked. */
    private boolean unconfirmed;

    private volatile long switches;

    /** Whether it was said that no sentinel answers. */
    private volatile boolean alone;

    Masters(SingleConfig config, Place.Master place) {
        this.place = place;
        for (Address sentinel : place.sentinels()) {
            sentinels.add(new Sentinel(config.sentinel(sentinel), place.master()));
        }
    }

    /** Sets what is run when another server than before is the master. */
    void whenSwitched(Runnable listener) {
        whenSwitched = listener;
    }

    /** How often another server than before was the master. */
    long switches() {
        return switches;
    }

    /** Notes that what is known may be wrong. */
    void doubt() {
        doubted = true;
    }

    /**
     * Returns where the master is, as far as anybody knows: while no sentinel answers, that is where it was. A server that says that it is
     * a replica is not used anyway.
     *
     * @param until when to give up asking
     * @throws IOException if no sentinel says it, and none ever did
     */
    Address find(long until) throws IOException {
        sentinels.forEach(sentinel -> sentinel.listen(listener));
        Address present = known;
        if (present != null && !doubted) {
            return present;
        }
        doubted = false;
        boolean answered = false;
        try {
            Address found = ask(present == null ? until : Math.min(left(until) / 2, DOUBT_NANOS) + System.nanoTime());
            answered = true;
            alone = false;
            return become(found, false);
        } catch (MasterUnknownException e) {
            if (present == null || !e.isUnanswered()) {
                throw e;
            }
            sayAlone(present, e);
            Address last = known;
            return last == null ? present : last;
        } finally {
            doubted |= !answered;
        }
    }

    private static long left(long until) {
        return Math.max(0, until - System.nanoTime());
    }

    private void sayAlone(Address present, MasterUnknownException e) {
        if (!alone) {
            alone = true;
            LOG.warn("Sentinel: the last known master {} of {} is used: {}", present, place.master(), e.getMessage());
        }
    }

    private Address ask(long until) throws IOException {
        BlockingQueue<Object> answers = new LinkedBlockingQueue<>();
        for (Sentinel sentinel : sentinels) {
            CompletableFuture<?> unused = sentinel.ask(until)
                    .whenComplete((address, why) -> answers.add(why != null ? why : address != null ? address : this));
        }
        Votes votes = new Votes(sentinels.size());
        Throwable failure = null;
        long end = until;
        while (!votes.isDecided()) {
            Object answer = next(answers, end - System.nanoTime());
            if (answer == null) {
                break;
            } else if (answer instanceof Throwable why) {
                // Who refuses this client knows more than who is not there.
                failure = failure == null || isRefusal(why) ? why : failure;
                votes.countSilent();
            } else {
                votes.count(answer instanceof Address address ? address : null);
                end = Math.min(left(until), STRAGGLERS_NANOS) + System.nanoTime();
            }
        }
        return result(votes, failure);
    }

    private static boolean isRefusal(Throwable why) {
        CacheUnavailableException known = Causes.find(why, CacheUnavailableException.class);
        return known != null && known.reason() == Reason.REFUSED;
    }

    private static @Nullable Object next(BlockingQueue<Object> answers, long nanos) throws IOException {
        try {
            return answers.poll(Math.max(0, nanos), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while asking the sentinels", e);
        }
    }

    private Address result(Votes votes, @Nullable Throwable failure) throws IOException {
        Address result = votes.result();
        if (result != null) {
            return result;
        }
        if (votes.isUnknown()) {
            throw MasterUnknownException.unheardOf(place.master());
        }
        throw MasterUnknownException.unanswered(sentinels.toString(), failure);
    }

    /** A switch may have been missed while nobody listened to one of them. */
    private void lookAgain() {
        if (known != null) {
            doubted = true;
            try {
                Address unused = find(System.nanoTime() + STRAGGLERS_NANOS);
            } catch (IOException e) {
                LOG.debug("the sentinels can't be asked", e);
            }
        }
    }

    /** One sentinel may be wrong, or of another deployment: a switch that it told of has to be what most of them say once they can know. */
    private void confirm() {
        boolean due;
        synchronized (this) {
            due = unconfirmed && System.nanoTime() - leftAt >= HEARSAY_NANOS;
            unconfirmed &= !due;
        }
        if (due) {
            lookAgain();
        }
    }

    /**
     * Takes in where the master is.
     *
     * @param told whether a sentinel told of a switch, rather than answered a question
     * @return where it is
     */
    private Address become(Address master, boolean told) {
        Address before;
        synchronized (this) {
            before = known;
            boolean late = master.equals(left) && System.nanoTime() - leftAt < HEARSAY_NANOS;
            if (before != null && (before.equals(master) || (late && !told))) {
                return before;
            }
            known = master;
            doubted = false;
            switches += before == null ? 0 : 1;
            if (told) {
                left = before;
                leftAt = System.nanoTime();
                unconfirmed = true;
            }
        }
        if (before != null) {
            LOG.info("Sentinel: the master {} is {} now, before that {}", place.master(), master, before);
            whenSwitched.run();
        }
        return master;
    }

    void close() {
        IOException cause = new IOException("the store is closed");
        sentinels.forEach(sentinel -> sentinel.close(cause));
    }
}
