package dev.holdfast.cache;

import java.lang.reflect.Type;
import java.util.Optional;

/**
 * Makes codecs for types that have none of their own. Found by {@link java.util.ServiceLoader}; needs a public
 * constructor without parameters, or a {@code provider} method.
 */
public interface CodecProvider {

    /**
     * Returns a short name, for error messages.
     *
     * @return the name, such as {@code jackson}
     */
    String name();

    /**
     * Makes a codec.
     *
     * @param type the type of the values: a class, or a parameterized type
     * @return the codec; empty if this provider does not know the type
     * @throws IllegalArgumentException if it knows the type, but something is missing from it: a generic class's arguments
     */
    Optional<Codec<?>> codecFor(Type type);
}
