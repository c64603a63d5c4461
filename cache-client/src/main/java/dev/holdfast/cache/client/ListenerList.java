package dev.holdfast.cache.client;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Listeners that come and go. What one throws is logged and harms no other. For any number of threads. */
final class ListenerList<L> {
    private final String what;
    private final List<Place<L>> places = new CopyOnWriteArrayList<>();

    /** Of one listener, compared by identity: the listener's {@code equals} is foreign. */
    private static final class Place<L> {
        final L listener;

        Place(L listener) {
            this.listener = listener;
        }
    }

    /** {@code what}: what a listener is called in the log. */
    ListenerList(String what) {
        this.what = what;
    }

    /** Adds a listener, until what is returned is run. */
    Runnable add(L listener) {
        Place<L> place = new Place<>(listener);
        places.add(place);
        return () -> places.remove(place);
    }

    void tell(Consumer<L> event) {
        for (Place<L> place : places) {
            tell(place.listener, event);
        }
    }

    void tell(L listener, Consumer<L> event) {
        try {
            event.accept(listener);
        } catch (Throwable e) {
            UnderWay.said(what + " failed", e);
        }
    }
}
