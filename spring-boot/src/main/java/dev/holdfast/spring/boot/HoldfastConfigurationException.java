package dev.holdfast.spring.boot;

import org.jspecify.annotations.Nullable;

/** The application can't start as it is configured. */
final class HoldfastConfigurationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String action;

    /**
     * Creates one.
     *
     * @param description what is wrong; names the property or the methods
     * @param action what would be right
     * @param cause what was thrown; {@code null} if nothing was
     */
    HoldfastConfigurationException(String description, String action, @Nullable Throwable cause) {
        super(description + ". " + action, cause);
        this.action = action;
    }

    String description() {
        String message = String.valueOf(getMessage());
        return message.substring(0, message.length() - action.length() - 2);
    }

    String action() {
        return action;
    }
}
