package dev.holdfast.cache.cluster;

import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The availability zone that a Valkey is told by {@code availability-zone} and tells in {@code INFO server}. */
final class Zones {
    private static final Pattern LINE = Pattern.compile("(?m)^availability_zone:([^\\r\\n]{1,100})\\r?$");

    private Zones() {}

    /** Reads it; {@code null} if there is none. */
    static @Nullable String in(byte[] info) {
        Matcher line = LINE.matcher(new String(info, StandardCharsets.UTF_8));
        return line.find() ? line.group(1).strip() : null;
    }
}
