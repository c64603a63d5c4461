package dev.holdfast.cache.spi;

import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/**
 * What a client says of itself to the other clients of its servers, by {@link CacheStore#beat}. For implementations of stores and for
 * composites.
 *
 * @param member names the client among those that share the server's key prefix: 1 to 64 characters of {@code [A-Za-z0-9-]}
 * @param standing how the client stands
 * @param sentMillis when this was sent, by the server's clock in epoch milliseconds: what {@link Roll#serverMillis} of the last answer said,
 *     and the time since that was received; -1 if there was none. So what lay in a frozen server's socket counts as old as it is
 * @param knownMillis what {@link Roll#serverMillis} of the last answer said: a server that knows less than that has gone back in time; -1 if there was none
 * @param period how soon the client says the next, as one that has to know of the others; zero if it has not
 * @param forget how long a member may be silent before it is struck off
 * @param wasAway whether the server was out of service for this client since its last answer
 * @param floors entries made before these times, by the server's clock in epoch milliseconds, are to be absent for everybody: by what the keys
 *     of their cache begin with
 * @param version of the floors that the client knows, from {@link Roll#version}; 0 if none
 */
public record Beat(
        String member,
        Standing standing,
        long sentMillis,
        long knownMillis,
        Duration period,
        Duration forget,
        boolean wasAway,
        Map<String, Long> floors,
        long version) {

    /** How a client stands towards its first server. */
    public enum Standing {
        /** The server serves it, and lacks nothing that it changed elsewhere. */
        CLEAN,
        /** There is something that the server lacks or may lack, and nobody but this client knows what. */
        BEHIND,
        /** As {@link #CLEAN}, and it goes. */
        LEAVING
    }

    /** Checks the parts. */
    public Beat {
        CacheStore.onceId(member);
        Objects.requireNonNull(standing, "standing");
        Objects.requireNonNull(period, "period");
        Objects.requireNonNull(forget, "forget");
        floors = Map.copyOf(floors);
    }
}
