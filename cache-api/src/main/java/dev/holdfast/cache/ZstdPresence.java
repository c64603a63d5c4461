package dev.holdfast.cache;

import com.github.luben.zstd.Zstd;

/**
 * Whether zstd-jni is there and its native part loads; looked for once, when first needed. A class of its own, since the mere
 * verification of {@link ZstdCompression} fails without the library.
 */
final class ZstdPresence {
    static final boolean PRESENT = isThere();

    private ZstdPresence() {}

    private static boolean isThere() {
        try {
            return Zstd.maxCompressionLevel() > 0;
        } catch (LinkageError e) {
            return false;
        }
    }
}
