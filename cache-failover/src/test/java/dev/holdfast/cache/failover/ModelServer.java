package dev.holdfast.cache.failover;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A server as an adversary would have it: it dies, freezes, loses a shard, wakes up in its past, runs late what it was sent, and
 * answers probes while it refuses calls. And what lies between: connections that die silently, requests that break theirs.
 */
final class ModelServer {
    /** What a key holds: who wrote it, or how much was counted. */
    record Value(long number, long expiresAt) {}

    /** A command on its way: it is run later, in any order, until the connections are reset. */
    record Late(Consumer<ModelServer> command, long latest) {}

    final boolean remote;
    final boolean buffered;
    Map<String, Value> data = new HashMap<>();
    Map<String, Value> snapshot = new HashMap<>();
    final Set<String> markers = new HashSet<>();
    final List<Late> late = new ArrayList<>();
    boolean up = true;
    boolean frozen;
    boolean shardOut;
    /** Answers its probes and refuses every call. */
    boolean refuses;
    /** So many of the next calls go by connections that somebody in between has dropped: they hang, and never arrive. */
    int silent;
    /** Whether requests for the key {@link ModelWorld#POISON} break their connection. */
    boolean poisoned;
    /** When it last was down, frozen or refusing. */
    long illAt = Long.MIN_VALUE / 2;

    /** How many calls it has answered. */
    long answered;

    long answersSeen;
    /** The number that its canary has, and the last that was acknowledged. */
    long canary;

    long snapshotCanary;
    long acknowledged;
    long now;

    ModelServer(boolean remote, boolean buffered) {
        this.remote = remote;
        this.buffered = buffered;
    }

    boolean ill() {
        return !up || frozen || refuses;
    }

    void save() {
        snapshot = new HashMap<>(data);
        snapshotCanary = canary;
    }

    /** As {@link #save} left it. Where commands are buffered no canary is written every second, and none may be lost. */
    void goBack() {
        data = new HashMap<>(snapshot);
        canary = buffered ? -1 : snapshotCanary;
    }

    /** Writes the next canary; returns whether that of before was lost. */
    boolean probe() {
        boolean lost = canary < acknowledged;
        canary = ++acknowledged;
        return lost;
    }

    boolean serves(String key) {
        return !shardOut || key.hashCode() % 2 == 0;
    }

    Long get(String key) {
        Value value = data.get(key);
        return value == null || value.expiresAt() - now <= 0 ? null : (Long) value.number();
    }

    void put(String key, long number, long ttl) {
        data.put(key, new Value(number, now + ttl));
    }

    boolean putIfAbsent(String key, long number, long ttl) {
        if (get(key) != null) {
            return false;
        }
        put(key, number, ttl);
        return true;
    }

    void remove(String key) {
        data.remove(key);
    }

    long removeByPrefix(String prefix) {
        long before = data.size();
        data.keySet().removeIf(key -> key.startsWith(prefix));
        return before - data.size();
    }

    long increment(String key, long ttl) {
        return add(key, 1, ttl);
    }

    long add(String key, long delta, long ttl) {
        Long present = get(key);
        long sum = (present == null ? 0 : present) + delta;
        data.put(key, new Value(sum, present == null ? now + ttl : data.get(key).expiresAt()));
        return sum;
    }

    /** Whether the marker is kept is what one of the planted bugs is about. */
    void addOnce(String key, long delta, long ttl, String onceId, boolean keepsMarkers) {
        if (markers.add(onceId) || !keepsMarkers) {
            add(key, delta, ttl);
        }
    }
}
