package dev.holdfast.cache.client;

import dev.holdfast.cache.internal.ForeignText;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import javax.management.InstanceAlreadyExistsException;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The MBeans of one client that an MBean server has, and what each shows. For one thread at a time. */
final class RegisteredBeans {
    private static final Logger LOG = LoggerFactory.getLogger(RegisteredBeans.class);
    private static final String DOMAIN = "dev.holdfast.cache:";
    private static final int MOST_CLIENTS_OF_A_NAME = 100_000;

    private final Map<ObjectName, Object> shown = new LinkedHashMap<>();
    private @Nullable MBeanServer server;

    /** Finds the server, unless it was found. */
    void findServer(Supplier<MBeanServer> servers) {
        if (server == null) {
            server = servers.get();
        }
    }

    private MBeanServer server() {
        return Objects.requireNonNull(server, "not found yet");
    }

    /** Shows a client under its name, or with a number behind it if that is taken. Returns that name; {@code null} if it can't be shown. */
    @Nullable
    String showClient(CacheClient client, ManagedBean<?, ?> bean) {
        String wanted = client.name();
        for (int number = 1; number <= MOST_CLIENTS_OF_A_NAME; number++) {
            String candidate = number == 1 ? wanted : wanted + '-' + number;
            ObjectName name = name("CacheClient", "name", candidate);
            try {
                server().registerMBean(bean, name);
                shown.put(name, client);
                return candidate;
            } catch (InstanceAlreadyExistsException e) {
                LOG.debug("the name {} is taken, trying the next", candidate);
            } catch (JMException | RuntimeException e) {
                LOG.warn(
                        "JMX does not take the cache client {}, which works without: {}",
                        wanted,
                        ForeignText.shown(e.toString()));
                return null;
            }
        }
        LOG.warn("{} cache clients are open under the name {}", MOST_CLIENTS_OF_A_NAME, wanted);
        return null;
    }

    /** {@code what}: tells it from others of its name. */
    void show(ObjectName name, Object what, ManagedBean<?, ?> bean) {
        try {
            server().registerMBean(bean, name);
            shown.put(name, what);
        } catch (JMException | RuntimeException e) {
            LOG.warn("JMX does not take {}: {}", ForeignText.shown(name.toString()), ForeignText.shown(e.toString()));
        }
    }

    void hide(ObjectName name) {
        shown.remove(name);
        try {
            server().unregisterMBean(name);
        } catch (InstanceNotFoundException e) {
            LOG.debug("someone else has taken {} away", name);
        } catch (JMException | RuntimeException | Error e) {
            LOG.warn("JMX does not let {} go: {}", ForeignText.shown(name.toString()), ForeignText.shown(e.toString()));
        }
    }

    /** What a bean shows; {@code null} if there is none of that name. */
    @Nullable
    Object of(ObjectName name) {
        return shown.get(name);
    }

    /** What each shows now. */
    Map<ObjectName, Object> all() {
        return Map.copyOf(shown);
    }

    static ObjectName nodeName(String client, String tier, String address) {
        // Always quoted: the colon would need it in most cases, and names should look alike.
        return objectName(DOMAIN + "type=Node,client=" + quoted(client) + ",tier=" + quoted(tier) + ",name="
                + ObjectName.quote(address));
    }

    static ObjectName name(String type, String... keysAndValues) {
        StringBuilder name = new StringBuilder(DOMAIN).append("type=").append(type);
        for (int i = 0; i < keysAndValues.length; i += 2) {
            name.append(',').append(keysAndValues[i]).append('=').append(quoted(keysAndValues[i + 1]));
        }
        return objectName(name.toString());
    }

    private static String quoted(String value) {
        return value.matches("[A-Za-z0-9._-]+") ? value : ObjectName.quote(value);
    }

    private static ObjectName objectName(String name) {
        try {
            return new ObjectName(name);
        } catch (MalformedObjectNameException e) {
            throw new AssertionError("every value is quoted: " + name, e);
        }
    }
}
