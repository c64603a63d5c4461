package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class SecretTest {

    @Test
    void aSecretPrintsAsStars() {
        Secret secret = Secret.of("hunter2");

        assertEquals("***", secret.toString());
        assertFalse(String.format("%s %s", secret, List.of(secret)).contains("hunter2"));
    }

    @Test
    void aSecretIsRevealedOnRequest() {
        assertEquals("hunter2", Secret.of("hunter2").reveal());
        assertEquals(" ", Secret.of(" ").reveal());
    }

    @Test
    void anEmptySecretIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Secret.of(""));
        assertThrows(NullPointerException.class, () -> Secret.of(null));
    }

    @Test
    void secretsAreEqualByWhatTheyHide() {
        assertEquals(Secret.of("a"), Secret.of("a"));
        assertEquals(Secret.of("a").hashCode(), Secret.of("a").hashCode());
        assertNotEquals(Secret.of("a"), Secret.of("b"));
    }
}
