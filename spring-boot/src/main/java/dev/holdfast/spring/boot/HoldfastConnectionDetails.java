package dev.holdfast.spring.boot;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.autoconfigure.service.connection.ConnectionDetails;
import org.springframework.boot.ssl.SslBundle;

/**
 * Where the one Redis or Valkey of the tier {@code single} is, as a container or a service knows it. A bean of this type wins over
 * {@code spring.data.redis.*} and the environment.
 */
public interface HoldfastConnectionDetails extends ConnectionDetails {

    /**
     * Returns the host.
     *
     * @return a host name or an IP address
     */
    String getHost();

    /**
     * Returns the port.
     *
     * @return from 1 to 65535
     */
    int getPort();

    /**
     * Returns the database.
     *
     * @return its number, 0 by default
     */
    default int getDatabase() {
        return 0;
    }

    /**
     * Returns the ACL user.
     *
     * @return its name; {@code null} for the default user
     */
    default @Nullable String getUsername() {
        return null;
    }

    /**
     * Returns the password.
     *
     * @return the password; {@code null} if there is none
     */
    default @Nullable String getPassword() {
        return null;
    }

    /**
     * Returns whom to trust, and who this client is.
     *
     * @return the bundle; {@code null} for a plain connection
     */
    default @Nullable SslBundle getSslBundle() {
        return null;
    }
}
