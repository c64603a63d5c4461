package dev.holdfast.cache.client;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes JSON, compactly, in the order it is told, for reports of what goes on in a client. Knows as much of JSON as they need. For one
 * thread.
 */
public final class JsonWriter {
    private final StringBuilder out = new StringBuilder(1024);
    private boolean first = true;

    private JsonWriter() {}

    /**
     * Writes one object.
     *
     * @param fields writes its fields
     * @return the object, in one line
     */
    public static String object(Consumer<JsonWriter> fields) {
        JsonWriter writer = new JsonWriter();
        writer.braced('{', fields, '}');
        return writer.out.toString();
    }

    /**
     * Adds a field with an object.
     *
     * @param name the field's name
     * @param fields writes the object's fields
     * @return this
     */
    public JsonWriter object(String name, Consumer<JsonWriter> fields) {
        name(name);
        braced('{', fields, '}');
        return this;
    }

    /**
     * Adds a field with an array of objects.
     *
     * @param name the field's name
     * @param elements what the objects are of
     * @param fields writes the fields of one of them
     * @param <T> the type of the elements
     * @return this
     */
    public <T> JsonWriter array(String name, Iterable<T> elements, BiConsumer<JsonWriter, T> fields) {
        name(name);
        braced('[', array -> elements.forEach(element -> array.element(element, fields)), ']');
        return this;
    }

    /** Adds a field with a truth value. */
    public JsonWriter field(String name, boolean value) {
        name(name);
        out.append(value);
        return this;
    }

    /** Adds a field with a truth value or {@code null}. */
    public JsonWriter field(String name, @Nullable Boolean value) {
        name(name);
        out.append(value);
        return this;
    }

    /** Adds a field with a number as {@link #field(String, double)} writes it, or {@code null}. */
    public JsonWriter field(String name, @Nullable Double value) {
        if (value != null) {
            return field(name, value.doubleValue());
        }
        name(name);
        out.append("null");
        return this;
    }

    /** Adds a field with a whole number. */
    public JsonWriter field(String name, long value) {
        name(name);
        out.append(value);
        return this;
    }

    /** Adds a field with a number, with three decimals at most: reports are for reading. */
    public JsonWriter field(String name, double value) {
        name(name);
        BigDecimal rounded =
                BigDecimal.valueOf(value).setScale(3, RoundingMode.HALF_UP).stripTrailingZeros();
        out.append(rounded.toPlainString());
        return this;
    }

    /** Adds a field with a part of a whole, from 0 to 1 with six decimals at most, or {@code null}. Only the whole is 1. */
    public JsonWriter ratio(String name, @Nullable Double value) {
        name(name);
        out.append(
                value == null
                        ? "null"
                        : BigDecimal.valueOf(value)
                                .setScale(6, RoundingMode.DOWN)
                                .stripTrailingZeros()
                                .toPlainString());
        return this;
    }

    /** Adds a field with a text or {@code null}. */
    public JsonWriter field(String name, @Nullable String value) {
        name(name);
        if (value == null) {
            out.append("null");
        } else {
            quote(value);
        }
        return this;
    }

    private <T> void element(T element, BiConsumer<JsonWriter, T> fields) {
        separate();
        braced('{', object -> fields.accept(object, element), '}');
    }

    private void name(String name) {
        separate();
        quote(name);
        out.append(':');
    }

    private void separate() {
        if (!first) {
            out.append(',');
        }
        first = false;
    }

    private void braced(char open, Consumer<JsonWriter> content, char close) {
        out.append(open);
        first = true;
        content.accept(this);
        first = false;
        out.append(close);
    }

    private void quote(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"', '\\' -> out.append('\\').append(c);
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    // A lone surrogate has no UTF-8 form; escaped it does no harm.
                    if (c < 0x20 || c == 0x7f || Character.isSurrogate(c)) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
