package dev.holdfast.cache.examples;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What the demo caches of a class file.
 *
 * @param size in bytes
 * @param sha256 of those bytes
 * @param constants entries of the constant pool
 * @param loadedAt when this was computed, in nanoseconds since the demo began: how a value that was removed is told from one
 *     that was computed again
 */
record ClassFacts(int size, String sha256, int constants, long loadedAt) {

    static ClassFacts of(byte[] classFile, long loadedAt) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(classFile);
            // After the magic and the version: a count that is one more than the entries (JVMS 4.1).
            int constants = (((classFile[8] & 0xff) << 8) | (classFile[9] & 0xff)) - 1;
            return new ClassFacts(classFile.length, HexFormat.of().formatHex(digest), constants, loadedAt);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
