package dev.holdfast.cache.redis;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The settings of one tier's TLS. Where there are two names, the first that is set stands: the tier's own, then the shared one.
 *
 * @param enabled the switch; {@code null} where the address says it
 * @param toSwitchOff how to do without TLS, for messages
 * @param authorities the PEM file of those that are trusted
 * @param certificate the client's certificate
 * @param key its private key
 * @param keyPassword the key's password
 * @param verify how much is verified
 */
public record TlsVariables(
        @Nullable String enabled,
        String toSwitchOff,
        List<String> authorities,
        List<String> certificate,
        List<String> key,
        List<String> keyPassword,
        List<String> verify) {}
