package dev.holdfast.cache.client;

/**
 * The 64-bit hash of a store key by which an entry names its key, the same in every process and release: wyhash, final version 4.3,
 * of what follows the cache's prefix ({@code name:}), with the wyhash of the prefix, of seed 0, as its seed; both of UTF-16 code
 * units, little-endian. So what the keys of a cache have in common is hashed once. Two keys have the same hash by chance once in 2^64.
 * Not cryptographic: who can write to the store can forge it. Allocates nothing. Immutable.
 *
 * @see <a href="https://github.com/wangyi-fudan/wyhash">wyhash, by Wang Yi, in the public domain</a>
 */
final class KeyHash {
    private static final long SECRET_0 = 0x2d358dccaa6c78a5L;
    private static final long SECRET_1 = 0x8bb84b93962eacc9L;
    private static final long SECRET_2 = 0x4b33a62ed433d4a3L;
    private static final long SECRET_3 = 0x4d5a2da51de1aa47L;

    /** In code units, of two bytes each. */
    private static final int SHORT_KEY = 8;

    private static final int STRIPE = 24;

    private final int from;
    private final long mixedSeed;

    private KeyHash(int from, long seed) {
        this.from = from;
        this.mixedSeed = seed ^ mix(seed ^ SECRET_0, SECRET_1);
    }

    /** Hashes keys that begin with {@code prefix}. */
    static KeyHash under(String prefix) {
        return new KeyHash(prefix.length(), wyhash(prefix, 0));
    }

    /** The hash of a text as wyhash defines it. */
    static long wyhash(String text, long seed) {
        return new KeyHash(0, seed).of(text);
    }

    /** The hash of a store key, which begins with the prefix. */
    long of(String storeKey) {
        int length = storeKey.length() - from;
        return length <= SHORT_KEY ? ofShort(storeKey, length) : ofLong(storeKey, length);
    }

    private long ofShort(String key, int length) {
        if (length == 0) {
            return end(0, 0, mixedSeed, 0);
        }
        if (length == 1) {
            int low = key.charAt(from) & 0xFF;
            int high = key.charAt(from) >>> 8;
            return end(low << 16 | high << 8 | high, 0, mixedSeed, 2);
        }
        int inner = length >> 2 << 1;
        int last = from + length - 2;
        long a = two(key, from) << 32 | two(key, from + inner);
        long b = two(key, last) << 32 | two(key, last - inner);
        return end(a, b, mixedSeed, 2L * length);
    }

    private long ofLong(String key, int length) {
        long seed = mixedSeed;
        int at = from;
        int end = from + length;
        if (length >= STRIPE) {
            long second = seed;
            long third = seed;
            for (; end - at >= STRIPE; at += STRIPE) {
                seed = mix(four(key, at) ^ SECRET_1, four(key, at + 4) ^ seed);
                second = mix(four(key, at + 8) ^ SECRET_2, four(key, at + 12) ^ second);
                third = mix(four(key, at + 16) ^ SECRET_3, four(key, at + 20) ^ third);
            }
            seed ^= second ^ third;
        }
        for (; end - at > SHORT_KEY; at += SHORT_KEY) {
            seed = mix(four(key, at) ^ SECRET_1, four(key, at + 4) ^ seed);
        }
        return end(four(key, end - 8), four(key, end - 4), seed, 2L * length);
    }

    private static long end(long a, long b, long seed, long bytes) {
        long x = a ^ SECRET_1;
        long y = b ^ seed;
        return mix(x * y ^ SECRET_0 ^ bytes, high(x, y) ^ SECRET_1);
    }

    private static long mix(long a, long b) {
        return a * b ^ high(a, b);
    }

    /** The upper half of the unsigned product; {@code Math.unsignedMultiplyHigh} came after Java 17. */
    private static long high(long a, long b) {
        return Math.multiplyHigh(a, b) + (a >> 63 & b) + (b >> 63 & a);
    }

    private static long four(String key, int at) {
        return two(key, at) | two(key, at + 2) << 32;
    }

    private static long two(String key, int at) {
        return key.charAt(at) | (long) key.charAt(at + 1) << 16;
    }
}
