package dev.holdfast.cache.internal;

import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.Roll;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * The keys that removals by prefix leave alone, for implementations of stores: the canaries by which clients learn whether their server went back
 * in time, and the {@linkplain Roll roll} by which they know of each other. Not only this client's: the keys of one with a longer key prefix begin like this client's, and without its canary it would
 * believe that the server had lost its writes. That there is such a client is said once. Thread-safe.
 */
public final class SparedKeys {
    /** What canaries begin with, after the key prefix. */
    public static final String CANARY = "#canary:";

    private static final byte[][] SPARED = {
        CANARY.getBytes(StandardCharsets.US_ASCII), Roll.PREFIX.getBytes(StandardCharsets.US_ASCII)
    };

    private final byte[] prefix;
    private final Consumer<String> told;
    private volatile boolean said;

    /**
     * Makes one.
     *
     * @param keyPrefix of the client that removes
     * @param told is told once, in a sentence, if there is a client with a longer prefix
     */
    public SparedKeys(KeyPrefix keyPrefix, Consumer<String> told) {
        this.prefix = keyPrefix.encodeKey("");
        this.told = told;
    }

    /**
     * Says whether a key is to be left alone.
     *
     * @param serverKey as it stands in the server, beginning with the key prefix
     * @return whether it is a canary, or of a roll
     */
    public boolean contains(byte[] serverKey) {
        for (int at = prefix.length; at < serverKey.length; at++) {
            boolean begins = at == prefix.length || serverKey[at - 1] == ':';
            if (begins && isSpared(serverKey, at)) {
                if (at > prefix.length) {
                    say(new String(serverKey, 0, at - 1, StandardCharsets.UTF_8));
                }
                return true;
            }
        }
        return false;
    }

    private static boolean isSpared(byte[] key, int at) {
        for (byte[] name : SPARED) {
            if (at + name.length <= key.length && Arrays.equals(key, at, at + name.length, name, 0, name.length)) {
                return true;
            }
        }
        return false;
    }

    private void say(String longer) {
        if (!said) {
            said = true;
            String own = prefix.length == 0 ? "none" : new String(prefix, 0, prefix.length - 1, StandardCharsets.UTF_8);
            told.accept("Another client's key prefix is " + ForeignText.shown(longer)
                    + ", which begins like this client's, " + own
                    + ": the two can read and remove each other's entries; give them key prefixes of which none"
                    + " begins with another and a colon");
        }
    }
}
