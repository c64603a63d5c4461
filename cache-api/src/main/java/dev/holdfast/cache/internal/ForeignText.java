package dev.holdfast.cache.internal;

import org.jspecify.annotations.Nullable;

/**
 * Text that a server, a proxy or another program wrote, made fit to be shown in exceptions, log lines, health and JMX, for
 * implementations of stores and clients. It may hold line breaks and escape sequences that would forge a log line, and may be of
 * any length.
 */
public final class ForeignText {
    /** The longest text that is shown, in characters; what is cut off is counted behind it. */
    public static final int MAX_LENGTH = 200;

    private ForeignText() {}

    /**
     * Returns the text as it may be shown: at most {@link #MAX_LENGTH} characters of it, each control, format, surrogate without
     * its pair and line or paragraph separator replaced by {@code ?}, then {@code … (+N characters)} if there were more.
     *
     * @param text what somebody else wrote; {@code null} is shown as {@code null}
     */
    public static String shown(@Nullable CharSequence text) {
        if (text == null) {
            return "null";
        }
        int end = Math.min(text.length(), MAX_LENGTH);
        StringBuilder shown = new StringBuilder(end + 24);
        for (int i = 0; i < end; ) {
            int character = Character.codePointAt(text, i);
            int length = Character.charCount(character);
            if (i + length > end || !isShown(character)) {
                shown.append('?');
            } else {
                shown.appendCodePoint(character);
            }
            i += length;
        }
        if (text.length() > end) {
            shown.append("… (+").append(text.length() - end).append(" characters)");
        }
        return shown.toString();
    }

    private static boolean isShown(int character) {
        return switch (Character.getType(character)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.UNASSIGNED -> false;
            default -> true;
        };
    }
}
