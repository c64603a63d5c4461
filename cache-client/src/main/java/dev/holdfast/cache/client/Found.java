package dev.holdfast.cache.client;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the store held for a key when it was looked at. Its value is decoded when it is first asked for; an entry that its codec
 * refuses is unreadable. For one thread.
 */
final class Found<V> {
    private final byte @Nullable [] entry;
    private final Function<byte[], @Nullable V> decode;
    private Entries.State state;
    private @Nullable V value;

    /**
     * Describes an entry.
     *
     * @param state what its envelope says; {@code EXPIRED} if there is no entry
     * @param decode returns {@code null} for an entry that its codec refuses
     */
    Found(byte @Nullable [] entry, Entries.State state, Function<byte[], @Nullable V> decode) {
        this.entry = entry;
        this.state = state;
        this.decode = decode;
    }

    /** What the entry is good for, so far as is known: {@link #value} tells whether its codec can read it. */
    Entries.State state() {
        return state;
    }

    /** The value of a fresh or stale entry; {@code null} if it is neither, or unreadable. */
    @Nullable
    V value() {
        if (value == null && entry != null && (state == Entries.State.FRESH || state == Entries.State.STALE)) {
            value = decode.apply(entry);
            if (value == null) {
                state = Entries.State.UNREADABLE;
            }
        }
        return value;
    }

    /** The fresh value, else {@code null}. */
    @Nullable
    V fresh() {
        return state == Entries.State.FRESH ? value() : null;
    }

    /** Whether the key is remembered to have no value. */
    boolean isAbsence() {
        return state == Entries.State.ABSENCE;
    }

    /** Whether there is a fresh value or a remembered absence. */
    boolean isAnswer() {
        return isAbsence() || fresh() != null;
    }

    /** The entry itself, not to be changed; {@code null} if there is none. */
    byte @Nullable [] entry() {
        return entry;
    }

    /** The entry if it is stale, or fresh and {@code freshToo}; else {@code null}. */
    byte @Nullable [] last(boolean freshToo) {
        return state == Entries.State.STALE || (freshToo && state == Entries.State.FRESH) ? entry : null;
    }
}
