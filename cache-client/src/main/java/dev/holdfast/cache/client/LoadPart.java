package dev.holdfast.cache.client;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a load has to do with one key. For the thread that has the load in hand. */
final class LoadPart<K, V> {
    private final Flight<K, V> flight;
    private Request<K, V> request;
    private @Nullable LoadDecisions<V> decisions;
    private @Nullable V value;
    private Entries.@Nullable Encoded encoded;
    /** What its caller is told, if that is the one whose thread loads. */
    private @Nullable Outcome<V> outcome;
    /** Whether the flight was put away or is in other hands. */
    private boolean over;

    LoadPart(Flight<K, V> flight, Request<K, V> request) {
        this.flight = flight;
        this.request = request;
    }

    Flight<K, V> flight() {
        return flight;
    }

    Request<K, V> request() {
        return request;
    }

    LoadDecisions<V> decisions() {
        return Objects.requireNonNull(decisions, "not begun");
    }

    void begin(Request<K, V> upToDate, LoadDecisions<V> newDecisions) {
        request = upToDate;
        decisions = newDecisions;
    }

    @Nullable
    V value() {
        return value;
    }

    void value(@Nullable V found) {
        value = found;
    }

    Entries.@Nullable Encoded encoded() {
        return encoded;
    }

    void encoded(Entries.@Nullable Encoded entry) {
        encoded = entry;
    }

    @Nullable
    Outcome<V> outcome() {
        return outcome;
    }

    void outcome(Outcome<V> told) {
        outcome = told;
    }

    boolean isOver() {
        return over;
    }

    void over() {
        over = true;
    }
}
