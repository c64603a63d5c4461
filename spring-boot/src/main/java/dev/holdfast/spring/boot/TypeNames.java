package dev.holdfast.spring.boot;

import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.List;
import org.springframework.core.ResolvableType;
import org.springframework.util.ClassUtils;

/** Reads a type as {@link Type#getTypeName()} writes it: {@code java.util.List<com.example.User>}. For one text. */
final class TypeNames {
    private final String text;
    private final ClassLoader loader;
    private int position;

    private TypeNames(String text, ClassLoader loader) {
        this.text = text;
        this.loader = loader;
    }

    /**
     * Reads a type.
     *
     * @param text its name
     * @param loader where its classes are
     * @return the type
     * @throws IllegalArgumentException if it is malformed, or names a class that is not there
     */
    static Type parse(String text, ClassLoader loader) {
        TypeNames names = new TypeNames(text.replace(" ", ""), loader);
        ResolvableType type = names.type();
        if (names.position < names.text.length()) {
            throw names.malformed();
        }
        return type.getType();
    }

    private ResolvableType type() {
        int start = position;
        while (position < text.length() && "<>,".indexOf(text.charAt(position)) < 0) {
            position++;
        }
        Class<?> raw = classOf(text.substring(start, position));
        if (position == text.length() || text.charAt(position) != '<') {
            return ResolvableType.forClass(raw);
        }
        List<ResolvableType> arguments = new ArrayList<>();
        do {
            position++;
            arguments.add(type());
        } while (position < text.length() && text.charAt(position) == ',');
        if (position == text.length() || arguments.size() != raw.getTypeParameters().length) {
            throw malformed();
        }
        position++;
        return ResolvableType.forClassWithGenerics(raw, arguments.toArray(ResolvableType[]::new));
    }

    private Class<?> classOf(String name) {
        try {
            return ClassUtils.resolvePrimitiveIfNecessary(ClassUtils.forName(name, loader));
        } catch (ClassNotFoundException | LinkageError e) {
            throw new IllegalArgumentException("there is no class " + (name.isEmpty() ? "without a name" : name), e);
        }
    }

    private IllegalArgumentException malformed() {
        return new IllegalArgumentException("it is no type with as many arguments as the type has parameters");
    }
}
