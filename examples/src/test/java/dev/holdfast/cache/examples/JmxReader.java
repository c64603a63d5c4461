package dev.holdfast.cache.examples;

import java.lang.reflect.Array;
import java.util.Set;
import java.util.TreeSet;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanException;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/** What JConsole does, in a JVM that has none of our classes but this one: reads everything, then calls operations. */
final class JmxReader {
    private JmxReader() {}

    @SuppressWarnings("BanJNDI") // the URL is the test's own
    public static void main(String[] args) throws Exception {
        try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(args[0]))) {
            MBeanServerConnection server = connector.getMBeanServerConnection();
            Set<ObjectName> names = new TreeSet<>(server.queryNames(new ObjectName("dev.holdfast.cache:*"), null));
            for (ObjectName name : names) {
                for (MBeanAttributeInfo attribute : server.getMBeanInfo(name).getAttributes()) {
                    Object value = server.getAttribute(name, attribute.getName());
                    System.out.println(name.getKeyProperty("type") + '.' + attribute.getName() + '=' + text(value));
                }
            }
            ObjectName client = new ObjectName(args[1]);
            server.invoke(client, "resetStatistics", new Object[0], new String[0]);
            server.invoke(client, "invalidateAll", new Object[0], new String[0]);
            String[] one = {String.class.getName()};
            server.invoke(client, "forceFailover", new Object[] {"single"}, one);
            System.out.println("after forceFailover=" + server.getAttribute(client, "ServingTier"));
            server.invoke(client, "forceFailback", new Object[0], new String[0]);
            try {
                server.invoke(client, "forceFailover", new Object[] {"nonsense"}, one);
            } catch (MBeanException e) {
                System.out.println("refused=" + e.getTargetException());
            }
        }
    }

    private static String text(Object value) {
        if (value == null || !value.getClass().isArray()) {
            return String.valueOf(value);
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < Array.getLength(value); i++) {
            text.append(i == 0 ? "" : ",").append(Array.get(value, i));
        }
        return text.toString();
    }
}
