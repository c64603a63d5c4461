package dev.holdfast.cache.cluster;

import java.nio.charset.StandardCharsets;

/**
 * Hash slots: which one a key has, and short hash tags that lead to a given one.
 *
 * @see <a href="https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/">Redis cluster specification</a>
 */
final class Slots {
    /** How many there are in every cluster. */
    static final int COUNT = 16_384;

    private static final int[] CRC = crcTable();

    private Slots() {}

    /** The slot of a key as the server sees it: that of its first hash tag if that is not empty. */
    static int of(byte[] key) {
        int open = indexOf(key, '{', 0);
        if (open >= 0) {
            int close = indexOf(key, '}', open + 1);
            if (close > open + 1) {
                return crc(key, open + 1, close) & (COUNT - 1);
            }
        }
        return crc(key, 0, key.length) & (COUNT - 1);
    }

    /** Reads a slot's number; -1 if it is none. */
    static int parse(String text) {
        boolean digits = !text.isEmpty() && text.length() <= 5 && text.chars().allMatch(c -> c >= '0' && c <= '9');
        int slot = digits ? Integer.parseInt(text) : -1;
        return slot < COUNT ? slot : -1;
    }

    /** A string without braces whose slot this is. */
    static String tagOf(int slot) {
        return Tags.BY_SLOT[slot];
    }

    /** Whether everything that begins with this has the same slot. */
    static boolean isPinned(String prefix) {
        int open = prefix.indexOf('{');
        return open >= 0 && prefix.indexOf('}', open + 1) > open + 1;
    }

    private static int indexOf(byte[] key, char c, int from) {
        for (int i = from; i < key.length; i++) {
            if (key[i] == c) {
                return i;
            }
        }
        return -1;
    }

    /** CRC-16/XMODEM. */
    private static int crc(byte[] bytes, int from, int to) {
        int crc = 0;
        for (int i = from; i < to; i++) {
            crc = ((crc << 8) ^ CRC[((crc >>> 8) ^ bytes[i]) & 0xff]) & 0xffff;
        }
        return crc;
    }

    private static int[] crcTable() {
        int[] table = new int[256];
        for (int i = 0; i < table.length; i++) {
            int crc = i << 8;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc & 0x8000) == 0 ? crc << 1 : (crc << 1) ^ 0x1021;
            }
            table[i] = crc & 0xffff;
        }
        return table;
    }

    /** Found by trying, once, when the first is wanted. */
    private static final class Tags {
        static final String[] BY_SLOT = find();

        private static String[] find() {
            String[] tags = new String[COUNT];
            int missing = COUNT;
            for (int i = 0; missing > 0; i++) {
                String tag = Integer.toString(i, 36);
                int slot = of(tag.getBytes(StandardCharsets.US_ASCII));
                if (tags[slot] == null) {
                    tags[slot] = tag;
                    missing--;
                }
            }
            return tags;
        }
    }
}
