package dev.holdfast.cache.client;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.runtime.ObjectMethods;

/**
 * Lets the JDK forget which records it has linked last. Up to Java 18 the handles from which it makes the generated methods of records keep the type that they
 * were adapted to last (JDK-8078641), so that after an application was undeployed its class loader, with all that its classes hold, stayed for as long as no other record was
 * linked. Here the same methods are linked once more, for a class that every application shares.
 */
final class RecordLinks {
    private static final int MENDED = 19;
    private static final String COMPONENT = "text";

    private RecordLinks() {}

    /** Links them, where the JDK keeps what it linked last. */
    static void release() {
        if (Runtime.version().feature() >= MENDED) {
            return;
        }
        try {
            link("equals", MethodType.methodType(boolean.class, String.class, Object.class));
            link("hashCode", MethodType.methodType(int.class, String.class));
            link("toString", MethodType.methodType(String.class, String.class));
        } catch (Throwable e) {
            // A class loader stays longer than it should; nothing that closes fails for it.
            return;
        }
    }

    private static void link(String method, MethodType type) throws Throwable {
        MethodHandles.Lookup lookup = MethodHandles.lookup();
        MethodHandle component = lookup.findVirtual(String.class, "trim", MethodType.methodType(String.class));
        Object unused = ObjectMethods.bootstrap(lookup, method, type, String.class, COMPONENT, component);
    }
}
