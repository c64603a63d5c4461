package dev.holdfast.spring.boot;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.net.URI;
import java.time.Instant;
import java.time.ZoneId;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalAmount;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.cache.interceptor.SimpleKey;
import org.springframework.core.convert.ConversionService;
import org.springframework.util.ReflectionUtils;

/**
 * The text of a key in the store: the same in every process and release, and another one for each other key. A String, number, UUID or enum
 * is its own text, the parts of a {@link SimpleKey} stand in parentheses with Strings in quotes: {@code ("ada",42)}. A
 * String that begins like that has a backslash before it. Of other types the {@link ConversionService} makes a String.
 */
final class KeyText {
    private static final String QUOTE = "\"";
    private static final Field PARTS = simpleKeyParts();

    private final ConversionService conversions;

    KeyText(ConversionService conversions) {
        this.conversions = conversions;
    }

    /**
     * Returns the text.
     *
     * @param key the key
     * @return its text; {@code null} if there is none for its type
     */
    @Nullable
    String of(Object key) {
        String plain = plain(key);
        if (plain != null) {
            return plain;
        }
        if (isCompound(key)) {
            return compound(key);
        }
        String text = text(key);
        return text == null ? null : escaped(text);
    }

    private static String escaped(String text) {
        return text.startsWith("(") || text.startsWith("[") || text.startsWith("\\") ? '\\' + text : text;
    }

    private static boolean isCompound(Object key) {
        return key instanceof SimpleKey
                || key instanceof List<?>
                || key.getClass().isArray();
    }

    private @Nullable String compound(Object key) {
        if (key instanceof SimpleKey simple) {
            return joined(new StringJoiner(",", "(", ")"), parts(simple));
        }
        StringJoiner list = new StringJoiner(",", "[", "]");
        return joined(list, key instanceof List<?> elements ? elements.toArray() : elements(key));
    }

    private static Object[] elements(Object array) {
        Object[] elements = new Object[Array.getLength(array)];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = Array.get(array, i);
        }
        return elements;
    }

    private @Nullable String joined(StringJoiner parts, @Nullable Object[] values) {
        for (Object value : values) {
            String part = value == null ? "null" : part(value);
            if (part == null) {
                return null;
            }
            parts.add(part);
        }
        return parts.toString();
    }

    private @Nullable String part(Object value) {
        String plain = plain(value);
        if (plain != null) {
            return plain;
        }
        if (isCompound(value)) {
            return compound(value);
        }
        String text = text(value);
        return text == null ? null : QUOTE + text.replace("\\", "\\\\").replace(QUOTE, "\\\"") + QUOTE;
    }

    /** Of what is no text: without quotes it can't be taken for one. */
    private static @Nullable String plain(Object value) {
        if (value instanceof Enum<?> constant) {
            return constant.name();
        }
        return value instanceof Number || value instanceof UUID || value instanceof Boolean ? value.toString() : null;
    }

    /** The JDK's own where a conversion would depend on the process's language. */
    private @Nullable String text(Object value) {
        if (value instanceof CharSequence
                || value instanceof Character
                || value instanceof TemporalAccessor
                || value instanceof TemporalAmount
                || value instanceof ZoneId
                || value instanceof URI) {
            return value.toString();
        }
        if (value instanceof Date date) {
            return instant(date).toString();
        }
        if (isUnordered(value) || !conversions.canConvert(value.getClass(), String.class)) {
            return null;
        }
        String text = conversions.convert(value, String.class);
        return text == null || text.equals(identity(value)) ? null : text;
    }

    /** With all that makes it differ from others: its own text has seconds only, in the process's time zone. */
    @SuppressWarnings("JavaUtilDate") // whatever is passed to a method may be one
    private static Instant instant(Date date) {
        try {
            return date.toInstant();
        } catch (UnsupportedOperationException e) {
            // java.sql's days and times of day say that they are no instants, and are equal by their milliseconds.
            return Instant.ofEpochMilli(date.getTime());
        }
    }

    /** What a conversion would put one after another, in no order that can be relied on. */
    private static boolean isUnordered(Object value) {
        return value instanceof Collection<?> || value instanceof Map<?, ?>;
    }

    /** What an object says of itself that says nothing: another text in each process. */
    private static String identity(Object value) {
        return value.getClass().getName() + '@' + Integer.toHexString(value.hashCode());
    }

    /** Where a SimpleKey keeps what it was made of, which it tells nobody in another way: its own text is the same for different keys. */
    static Field simpleKeyParts() {
        Field field = ReflectionUtils.findField(SimpleKey.class, "params");
        if (field == null) {
            throw new IllegalStateException("the parts of a SimpleKey can't be had in this version of Spring");
        }
        ReflectionUtils.makeAccessible(field);
        return field;
    }

    private static @Nullable Object[] parts(SimpleKey key) {
        Object[] parts = (Object[]) ReflectionUtils.getField(PARTS, key);
        return parts == null ? new Object[0] : parts;
    }
}
