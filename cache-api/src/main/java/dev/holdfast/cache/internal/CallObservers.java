package dev.holdfast.cache.internal;

import dev.holdfast.cache.spi.CallObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Those who observe the calls of one store or client, for whoever makes the calls. Without observers a call costs the look whether there
 * are any, and nothing is allocated. For any number of threads.
 */
public final class CallObservers {
    private static final Logger LOG = LoggerFactory.getLogger(CallObservers.class);

    private final List<Place> places = new CopyOnWriteArrayList<>();
    private final AtomicLong failures = new AtomicLong();

    /** Of one observer, compared by identity: the observer's {@code equals} is foreign. */
    private static final class Place {
        final CallObserver observer;

        Place(CallObserver observer) {
            this.observer = observer;
        }
    }

    /** A call that one observer is told of. For the thread that makes it. */
    private static final class Underway {
        final CallObserver observer;
        CallObserver.Ended ended = CallObserver.UNOBSERVED;

        Underway(CallObserver observer) {
            this.observer = observer;
        }
    }

    /** Creates one without observers. */
    public CallObservers() {}

    /**
     * Adds an observer.
     *
     * @param observer is told of calls that begin from now on
     * @return ends it; calls that are under way are told to their end
     */
    public Runnable add(CallObserver observer) {
        Place place = new Place(observer);
        places.add(place);
        return () -> places.remove(place);
    }

    /** Says whether anybody observes: what only observers need may be left out if not. */
    public boolean isObserved() {
        return !places.isEmpty();
    }

    /**
     * A call begins.
     *
     * @param name as in {@link CallObserver#began}
     * @param place as in {@link CallObserver#began}
     * @return is to be told of its end, in any case; throws nothing
     */
    public CallObserver.Ended began(String name, String place) {
        if (places.isEmpty()) {
            return CallObserver.UNOBSERVED;
        }
        // Made before anybody is told: who knows of the beginning is told of the end even if memory runs out.
        List<Underway> all = new ArrayList<>(places.size());
        places.forEach(each -> all.add(new Underway(each.observer)));
        CallObserver.Ended end = failure -> tell(all, each -> each.ended.ended(failure));
        tell(all, each -> each.ended = each.observer.began(name, place));
        return end;
    }

    /**
     * Several commands begin that are sent in one go.
     *
     * @param first the name of the first
     * @param place as in {@link CallObserver#began}
     * @return as {@link #began}
     */
    public CallObserver.Ended beganPipeline(String first, String place) {
        return places.isEmpty() ? CallObserver.UNOBSERVED : began("PIPELINE ".concat(first), place);
    }

    /**
     * A command got a connection.
     *
     * @param place as in {@link CallObserver#waited}
     * @param nanos how long it waited for that; a negative number counts as 0
     */
    public void waited(String place, long nanos) {
        if (!places.isEmpty()) {
            tell(places, each -> each.observer.waited(place, Math.max(0, nanos)));
        }
    }

    private <T> void tell(List<T> all, Consumer<T> event) {
        for (T each : all) {
            try {
                event.accept(each);
            } catch (Throwable e) {
                warn(e);
            }
        }
    }

    private void warn(Throwable failure) {
        // Powers of two only: it may fail at each call.
        long count = failures.incrementAndGet();
        if (Long.bitCount(count) == 1) {
            try {
                LOG.warn("an observer failed, {} times so far; calls go on", count, failure);
            } catch (Throwable e) {
                // The others are to be told, and the call is to go on: there is nobody left to tell of this.
                failures.incrementAndGet();
            }
        }
    }
}
