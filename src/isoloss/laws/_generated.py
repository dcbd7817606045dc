"""Value, gradient and curvature of the built-in laws. Written by ``python -m isoloss.laws``; do not edit."""

# ruff: noqa
# pyright: basic
from typing import Any

import numpy as np

DERIVED: dict[str, dict[str, Any]] = {}


# chinchilla: E + A / N**alpha + B / D**beta
def value(p, x):
    p0, p1, p2, p3, p4, = p
    v0, v1, = x
    return (p0 + p1*np.exp(-p3*v0) + p2*np.exp(-p4*v1),)

def gradient(p, x):
    p0, p1, p2, p3, p4, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    return (p0 + t1 + t3, 1, t0, t2, -t1*v0, -t3*v1,)

def curvature(p, x):
    p0, p1, p2, p3, p4, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    return (p0 + t1 + t3, 1, t0, t2, -t1*v0, -t3*v1, -t0*v0, -t2*v1, t1*(v0*v0), t3*(v1*v1),)

def slope(p, x):
    p0, p1, p2, p3, p4, = p
    v0, v1, = x
    t0 = p1*np.exp(-p3*v0)
    t1 = p2*np.exp(-p4*v1)
    return (p0 + t0 + t1, -p3*t0, -p4*t1,)


DERIVED['db0dae2a55a05130'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 3), (2, 4), (3, 3), (4, 4)),
    linear=('E', 'A', 'B'),
    exponents=('alpha', 'beta'),
    latex='L = E + A N^{- \\alpha} + B D^{- \\beta}',
)


# chinchilla-nofloor: A / N**alpha + B / D**beta
def value(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    return (p0*np.exp(-p2*v0) + p1*np.exp(-p3*v1),)

def gradient(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(-p2*v0)
    t1 = p0*t0
    t2 = np.exp(-p3*v1)
    t3 = p1*t2
    return (t1 + t3, t0, t2, -t1*v0, -t3*v1,)

def curvature(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(-p2*v0)
    t1 = p0*t0
    t2 = np.exp(-p3*v1)
    t3 = p1*t2
    return (t1 + t3, t0, t2, -t1*v0, -t3*v1, -t0*v0, -t2*v1, t1*(v0*v0), t3*(v1*v1),)

def slope(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = p0*np.exp(-p2*v0)
    t1 = p1*np.exp(-p3*v1)
    return (t0 + t1, -p2*t0, -p3*t1,)


DERIVED['e96f785f866a7a81'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 2), (1, 3), (2, 2), (3, 3)),
    linear=('A', 'B'),
    exponents=('alpha', 'beta'),
    latex='L = A N^{- \\alpha} + B D^{- \\beta}',
)


# interaction: E + A / N**alpha + B / D**beta + G / (N**gamma * D**delta)
def value(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, = x
    return (p0 + p1*np.exp(-p3*v0) + p2*np.exp(-p4*v1) + p5*np.exp(-p6*v0)*np.exp(-p7*v1),)

def gradient(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = np.exp(-p6*v0)*np.exp(-p7*v1)
    t5 = p5*t4
    return (p0 + t1 + t3 + t5, 1, t0, t2, -t1*v0, -t3*v1, t4, -t5*v0, -t5*v1,)

def curvature(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = np.exp(-p6*v0)*np.exp(-p7*v1)
    t5 = p5*t4
    t6 = t5*v0
    t7 = (v0*v0)
    t8 = (v1*v1)
    return (p0 + t1 + t3 + t5, 1, t0, t2, -t1*v0, -t3*v1, t4, -t6, -t5*v1, -t0*v0, -t2*v1, t1*t7, t3*t8, -t4*v0, -t4*v1, t5*t7, t6*v1, t5*t8,)

def slope(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, = x
    t0 = p1*np.exp(-p3*v0)
    t1 = p2*np.exp(-p4*v1)
    t2 = p5*np.exp(-p6*v0)*np.exp(-p7*v1)
    return (p0 + t0 + t1 + t2, -p3*t0 - p6*t2, -p4*t1 - p7*t2,)


DERIVED['9386ba616ac2b3c8'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 3), (2, 4), (3, 3), (4, 4), (5, 6), (5, 7), (6, 6), (6, 7), (7, 7)),
    linear=('E', 'A', 'B', 'G'),
    exponents=('alpha', 'beta', 'gamma', 'delta'),
    latex='L = E + A N^{- \\alpha} + B D^{- \\beta} + G D^{- \\delta} N^{- \\gamma}',
)


# coupled: E + (A / N**alpha + B / D**beta)**k
def value(p, x):
    p0, p1, p2, p3, p4, p5, = p
    v0, v1, = x
    return (p0 + np.exp(p5*np.log(p1*np.exp(-p3*v0) + p2*np.exp(-p4*v1))),)

def gradient(p, x):
    p0, p1, p2, p3, p4, p5, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = t1 + t3
    t5 = np.log(t4)
    t6 = np.exp(p5*t5)
    t7 = p5*t6/t4
    return (p0 + t6, 1, t0*t7, t2*t7, -t1*t7*v0, -t3*t7*v1, t5*t6,)

def curvature(p, x):
    p0, p1, p2, p3, p4, p5, = p
    v0, v1, = x
    t0 = p3*v0
    t1 = np.exp(-t0)
    t2 = p1*t1
    t3 = p4*v1
    t4 = np.exp(-t3)
    t5 = p2*t4
    t6 = t2 + t5
    t7 = np.log(t6)
    t8 = p5*t7
    t9 = np.exp(t8)
    t10 = t9/t6
    t11 = t1*t10
    t12 = p5*t11
    t13 = t10*t4
    t14 = p5*t13
    t15 = t10*t2
    t16 = t15*v0
    t17 = t10*t5
    t18 = t17*v1
    t19 = (p5*p5)
    t20 = np.exp(-2*t0)
    t21 = (1.0/(t6*t6))
    t22 = t21*t9
    t23 = t20*t22
    t24 = t19*t23
    t25 = p5*t23
    t26 = t1*t22
    t27 = t26*t4
    t28 = t5*v1
    t29 = np.exp(-2*t3)
    t30 = t22*t29
    t31 = t19*t30
    t32 = p5*t30
    t33 = t2*t22*v0
    t34 = (v0*v0)
    t35 = (p1*p1)*t34
    t36 = t28*t33
    t37 = (v1*v1)
    t38 = (p2*p2)*t37
    return (p0 + t9, 1, t12, t14, -p5*t16, -p5*t18, t7*t9, t24 - t25, -p5*t27 + t19*t27, p1*p5*t20*t21*t9*v0 - p1*t24*v0 - t12*v0, p2*p5*t1*t21*t4*t9*v1 - t19*t26*t28, t11*t8 + t11, t31 - t32, p1*p5*t1*t21*t4*t9*v0 - t19*t33*t4, p2*p5*t21*t29*t9*v1 - p2*t31*v1 - t14*v1, t13*t8 + t13, p5*t15*t34 + t24*t35 - t25*t35, -p5*t36 + t19*t36, -t16*t8 - t16, p5*t17*t37 + t31*t38 - t32*t38, -t18*t8 - t18, (t7*t7)*t9,)

def slope(p, x):
    p0, p1, p2, p3, p4, p5, = p
    v0, v1, = x
    t0 = p1*np.exp(-p3*v0)
    t1 = p2*np.exp(-p4*v1)
    t2 = t0 + t1
    t3 = np.exp(p5*np.log(t2))
    t4 = p5*t3/t2
    return (p0 + t3, -p3*t0*t4, -p4*t1*t4,)


DERIVED['0553f77547442b94'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 2), (2, 3), (2, 4), (2, 5), (3, 3), (3, 4), (3, 5), (4, 4), (4, 5), (5, 5)),
    linear=('E',),
    exponents=('alpha', 'beta', 'k'),
    latex='L = E + \\left(A N^{- \\alpha} + B D^{- \\beta}\\right)^{k}',
)


# farseer: exp(a3 * N**gamma + b3) + exp(a2 * N**beta + b2) * D**(-exp(a1 * N**alpha + b1))
def value(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, p8, = p
    v0, v1, = x
    return (np.exp(-v1*np.exp(p0*np.exp(p1*v0) + p2))*np.exp(p3*np.exp(p4*v0) + p5) + np.exp(p6*np.exp(p7*v0) + p8),)

def gradient(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, p8, = p
    v0, v1, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    t2 = v1*np.exp(p2 + t1)
    t3 = np.exp(p4*v0)
    t4 = p3*t3
    t5 = np.exp(-t2)*np.exp(p5 + t4)
    t6 = np.exp(p7*v0)
    t7 = p6*t6
    t8 = np.exp(p8 + t7)
    t9 = t2*t5
    return (t5 + t8, -t0*t9, -t1*t9*v0, -t9, t3*t5, t4*t5*v0, t5, t6*t8, t7*t8*v0, t8,)

def curvature(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, p8, = p
    v0, v1, = x
    t0 = p1*v0
    t1 = np.exp(t0)
    t2 = p0*t1
    t3 = v1*np.exp(p2 + t2)
    t4 = np.exp(-t3)
    t5 = p4*v0
    t6 = np.exp(t5)
    t7 = p3*t6
    t8 = np.exp(p5 + t7)
    t9 = t4*t8
    t10 = p7*v0
    t11 = np.exp(t10)
    t12 = p6*t11
    t13 = np.exp(p8 + t12)
    t14 = t3*t9
    t15 = t1*t14
    t16 = -t15
    t17 = t14*t2
    t18 = -t17*v0
    t19 = -t14
    t20 = t6*t9
    t21 = t7*t9
    t22 = t21*v0
    t23 = t11*t13
    t24 = t12*t13
    t25 = t24*v0
    t26 = np.exp(2*t0)
    t27 = (v1*v1)
    t28 = np.exp(2*p2 + 2*t2)
    t29 = t27*t28*t9
    t30 = t14*t26
    t31 = t15*v0
    t32 = t20*t3
    t33 = (v0*v0)
    t34 = t17*t33
    t35 = (p0*p0)
    t36 = t20*v0
    t37 = t9*np.exp(2*t5)
    t38 = t13*np.exp(2*t10)
    return (t13 + t9, t16, t18, t19, t20, t22, t9, t23, t25, t13, t26*t29 - t30, p0*t26*t27*t28*t4*t8*v0 - p0*t30*v0 - t31, t1*t29 + t16, -t1*t32, -t31*t7, t16, t26*t27*t28*t33*t35*t4*t8 - t30*t33*t35 - t34, t18 + t2*t29*v0, -t2*t3*t36, -t34*t7, t18, t19 + t29, -t32, -t14*t7*v0, t19, t37, p3*t37*v0 + t36, t20, (p3*p3)*t33*t37 + t21*t33, t22, t9, t38, p6*t38*v0 + t23*v0, t23, (p6*p6)*t33*t38 + t24*t33, t25, t13,)

def slope(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, p8, = p
    v0, v1, = x
    t0 = p0*np.exp(p1*v0)
    t1 = np.exp(p2 + t0)
    t2 = t1*v1
    t3 = p3*np.exp(p4*v0)
    t4 = np.exp(-t2)*np.exp(p5 + t3)
    t5 = p6*np.exp(p7*v0)
    t6 = np.exp(p8 + t5)
    return (t4 + t6, -p1*t0*t2*t4 + p4*t3*t4 + p7*t5*t6, -t1*t4,)


DERIVED['03da9ac524ada7c5'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 2), (2, 3), (2, 4), (2, 5), (3, 3), (3, 4), (3, 5), (4, 4), (4, 5), (5, 5), (6, 6), (6, 7), (6, 8), (7, 7), (7, 8), (8, 8)),
    linear=(),
    exponents=('alpha', 'beta', 'gamma'),
    latex='L = D^{- e^{b_{1} + a_{1} N^{\\alpha}}} e^{b_{2} + a_{2} N^{\\beta}} + e^{b_{3} + a_{3} N^{\\gamma}}',
)


# repetition: E + A / N_eff**alpha + B / D_eff**beta
def value(p, x):
    p0, p1, p2, p3, p4, p5, p6, = p
    v0, v1, v2, = x
    t0 = np.exp(v0)
    t1 = np.exp(v1)
    t2 = np.minimum(np.exp(v2), t1)
    t3 = np.minimum(np.exp(np.log(p1*p3*np.exp(p4*np.log(t2))/(p2*p4))/p3), t0)
    return (p0 + p1*np.exp(-p3*np.log(t3*(p6*(1 - np.exp((-t0/t3 + 1)/p6)) + 1))) + p2*np.exp(-p4*np.log(t2*(p5*(1 - np.exp((-t1/t2 + 1)/p5)) + 1))),)

def gradient(p, x):
    p0, p1, p2, p3, p4, p5, p6, = p
    v0, v1, v2, = x
    t0 = np.exp(v0)
    t1 = (1.0/(p3))
    t2 = (1.0/(p2))
    t3 = np.exp(v1)
    t4 = np.minimum(np.exp(v2), t3)
    t5 = np.log(t4)
    t6 = p4*t5
    t7 = p1*p3*t2*np.exp(t6)
    t8 = t7/p4
    t9 = np.log(t8)
    t10 = np.exp(t1*t9)
    t11 = np.minimum(t0, t10)
    t12 = (1.0/(t11))
    t13 = t0*t12
    t14 = (1 - t13)/p6
    t15 = np.exp(t14)
    t16 = p6*(1 - t15) + 1
    t17 = np.log(t11*t16)
    t18 = np.exp(-p3*t17)
    t19 = p1*t18
    t20 = (-t3/t4 + 1)/p5
    t21 = np.exp(t20)
    t22 = p5*(1 - t21) + 1
    t23 = np.log(t22*t4)
    t24 = np.exp(-p4*t23)
    t25 = p2*t24
    t26 = (1.0/(p1))
    t27 = np.heaviside(t0 - t10, 0.5)
    t28 = t10*t27
    t29 = t16*t28
    t30 = t1*t29
    t31 = t13*t15*t28
    t32 = p3/t16
    t33 = t12*t32
    t34 = t19*t33
    t35 = (1.0/(p3*p3))
    t36 = -t35*t9 + t35
    t37 = p2*p4*t26*t35*(t5*t8 - t7/(p4*p4))*np.exp(-t6)
    return (p0 + t19 + t25, 1, t18 - t34*(-t1*t26*t31 + t26*t30), t24 - t34*(t0*t1*t10*t12*t15*t2*t27 - t2*t30), t19*(-t17 - t33*(t29*t36 - t31*t36)), -t23*t25 - t34*(t29*t37 - t31*t37), -p4*t25*(t20*t21 - t21 + 1)/t22, -t19*t32*(t14*t15 - t15 + 1),)

def curvature(p, x):
    p0, p1, p2, p3, p4, p5, p6, = p
    v0, v1, v2, = x
    t0 = (1.0/(p6))
    t1 = np.exp(v0)
    t2 = (1.0/(p3))
    t3 = (1.0/(p2))
    t4 = np.exp(v1)
    t5 = np.minimum(np.exp(v2), t4)
    t6 = np.log(t5)
    t7 = p4*t6
    t8 = p1*p3*t3*np.exp(t7)
    t9 = t8/p4
    t10 = np.log(t9)
    t11 = t10*t2
    t12 = np.exp(t11)
    t13 = np.minimum(t1, t12)
    t14 = (1.0/(t13))
    t15 = t1*t14
    t16 = 1 - t15
    t17 = t0*t16
    t18 = np.exp(t17)
    t19 = p6*(1 - t18) + 1
    t20 = np.log(t13*t19)
    t21 = np.exp(-p3*t20)
    t22 = p1*t21
    t23 = -t4/t5 + 1
    t24 = t23/p5
    t25 = np.exp(t24)
    t26 = p5*(1 - t25) + 1
    t27 = np.log(t26*t5)
    t28 = p4*t27
    t29 = np.exp(-t28)
    t30 = p2*t29
    t31 = (1.0/(p1))
    t32 = np.heaviside(t1 - t12, 0.5)
    t33 = t12*t32
    t34 = t19*t33
    t35 = t2*t34
    t36 = t15*t18
    t37 = t33*t36
    t38 = t2*t37
    t39 = t31*t38
    t40 = t31*t35 - t39
    t41 = (1.0/(t19))
    t42 = t14*t41
    t43 = p3*t42
    t44 = t40*t43
    t45 = t1*t12*t14*t18*t2*t3*t32 - t3*t35
    t46 = t43*t45
    t47 = (p3*p3)
    t48 = (1.0/(t47))
    t49 = -t10*t48 + t48
    t50 = t34*t49
    t51 = t33*t49
    t52 = t36*t51
    t53 = t50 - t52
    t54 = t42*t53
    t55 = -p3*t54 - t20
    t56 = t22*t55
    t57 = (p4*p4)
    t58 = t8/t57
    t59 = -t58 + t6*t9
    t60 = np.exp(-t7)
    t61 = t59*t60
    t62 = p4*t61
    t63 = t34*t48
    t64 = t31*t63
    t65 = p2*t64
    t66 = t37*t48
    t67 = t31*t66
    t68 = p2*t62
    t69 = t67*t68
    t70 = t62*t65 - t69
    t71 = t42*t70
    t72 = p3*t71
    t73 = (1.0/(t26))
    t74 = t24*t25 - t25 + 1
    t75 = t73*t74
    t76 = p4*t75
    t77 = t17*t18 - t18 + 1
    t78 = t41*t77
    t79 = p3*t78
    t80 = (1.0/(p1*p1))
    t81 = (1.0/(t13*t13*t13))
    t82 = t18*t81
    t83 = t0*(t32*t32)*t82*np.exp(2*t11)*np.exp(2*v0)
    t84 = t48*t83
    t85 = t22*t43
    t86 = (1.0/(t19*t19))
    t87 = (1.0/(t13*t13))
    t88 = t33*t40
    t89 = t1*t82
    t90 = t86*t89
    t91 = t21*t88*t90
    t92 = t41*t87
    t93 = t3*t92
    t94 = t22*t42
    t95 = t2*t52
    t96 = t2*t49*t83
    t97 = t22*t86
    t98 = p3*t97
    t99 = t51*t89*t98
    t100 = (1.0/(p3*p3*p3))
    t101 = t68*t80
    t102 = t100*t37
    t103 = t100*t83
    t104 = t2*t68
    t105 = t33*t77
    t106 = t105*t2
    t107 = t16/(p6*p6)
    t108 = -t77
    t109 = t108*t14*t86
    t110 = p3*t109
    t111 = t47*t97
    t112 = t111*t87
    t113 = (p2*p2)
    t114 = (1.0/(t113))
    t115 = t22*t45
    t116 = t33*t45
    t117 = t31*t62
    t118 = t100*t117*t34
    t119 = t104*t21
    t120 = t119*t90
    t121 = (t49*t49)
    t122 = 2*t10*t100 - 3*t100
    t123 = p3*t53
    t124 = p2*t117
    t125 = t124*t48
    t126 = -2*t58*t6 + (t6*t6)*t9 + 2*t8/(p4*p4*p4)
    t127 = (1.0/(p3*p3*p3*p3))
    t128 = (t59*t59)
    t129 = np.exp(-2*t7)
    t130 = p2*t67
    t131 = t113*t127*t128*t129*t57*t80
    t132 = t33*t70
    t133 = t30*t75
    t134 = t30/(t26*t26)
    return (p0 + t22 + t30, 1, t21 - t22*t44, -t22*t46 + t29, t56, -t22*t72 - t27*t30, -t30*t76, -t22*t79, p1*t21*(t40*t40)*t47*t86*t87 + t12*t21*t32*t40*t41*t87 - 2*t21*t44 - t85*(t1*t12*t14*t18*t2*t32*t80 + t12*t19*t32*t48*t80 - t35*t80 - t66*t80 - t80*t84) - t91, p1*t1*t12*t18*t21*t3*t32*t40*t81*t86 + p1*t21*t40*t45*t47*t86*t87 - t21*t46 - t22*t88*t93 - t85*(t3*t31*t84 - t3*t64 + t3*t67), p1*p3*t12*t21*t32*t40*t41*t49*t87 + t21*t55 - t40*t94 - t40*t99 - t44*t56 - t85*(t1*t12*t14*t18*t31*t32*t48 + t12*t19*t2*t31*t32*t49 - t31*t95 - t31*t96 - t64), p1*t21*t40*t47*t70*t86*t87 + p2*p4*t12*t2*t21*t32*t40*t41*t59*t60*t87 - t104*t91 - t21*t72 - t85*(p2*p4*t100*t12*t19*t32*t59*t60*t80 - t101*t102 - t101*t103), p1*t14*t21*t40*t47*t77*t86 - t110*t22*t40 - t21*t79 - t85*(t106*t31 + t107*t39), t112*(t45*t45) - t115*t33*t93 + t116*t3*t89*t97 - t85*(t114*t12*t19*t2*t32 + t114*t12*t19*t32*t48 - t114*t38 - t114*t66 - t114*t84), p1*p3*t12*t21*t32*t41*t45*t49*t87 - t45*t94 - t45*t99 - t46*t56 - t85*(-t2*t3*t50 + t3*t63 - t3*t66 + t3*t95 + t3*t96), p1*t21*t45*t47*t70*t86*t87 + p2*p4*t12*t2*t21*t32*t41*t45*t59*t60*t87 - t116*t120 - t27*t29 - t85*(t102*t117 + t103*t117 - t118), -t29*t76, p1*t14*t21*t45*t47*t77*t86 - t110*t115 - t85*(-t106*t3 - t107*t3*t38), t22*(t55*t55) + t22*(p3*t12*t32*t41*t49*t53*t87 - t123*t51*t90 - t43*(t12*t121*t19*t32 + t12*t122*t19*t32 - t121*t37 - t121*t83 - t122*t37) - 2*t54), p1*t21*(p2*p4*t12*t2*t31*t32*t41*t53*t59*t60*t87 - t124*t2*t33*t53*t90 - t43*(p2*p4*t1*t100*t12*t14*t18*t31*t32*t59*t60 + p2*p4*t12*t19*t31*t32*t48*t49*t59*t60 - p2*t118 - t124*t49*t84 - t125*t52) - t71) - t56*t72, p1*t21*(-t109*t123 - t43*(t105*t49 + t107*t52) - t78) - t56*t79, t112*(t70*t70) + t119*t132*t92 - t120*t132 + (t27*t27)*t30 - t85*(p2*p4*t1*t12*t14*t18*t31*t32*t48*t59*t6*t60 + p2*p4*t12*t126*t19*t31*t32*t48*t60 + p2*t12*t19*t31*t32*t48*t59*t60 - p4*t126*t130*t60 + t113*t12*t127*t128*t129*t19*t32*t57*t80 - t130*t61 - t131*t37 - t131*t83 - t61*t65*t7), t133*t28 - t133, p1*t14*t21*t47*t70*t77*t86 - t110*t22*t70 - t85*(t105*t125 + t107*t69), p4*t134*(t74*t74) + p4*(t23*t23)*t25*t30*t73/(p5*p5*p5) + t134*t57*(t74*t74), p3*(t16*t16)*t18*t22*t41/(p6*p6*p6) - t108*t77*t98 + t111*(t77*t77),)

def slope(p, x):
    p0, p1, p2, p3, p4, p5, p6, = p
    v0, v1, v2, = x
    t0 = np.exp(v0)
    t1 = (1.0/(p3))
    t2 = np.exp(v1)
    t3 = np.exp(v2)
    t4 = np.minimum(t2, t3)
    t5 = np.exp(t1*np.log(p1*p3*np.exp(p4*np.log(t4))/(p2*p4)))
    t6 = np.minimum(t0, t5)
    t7 = (1.0/(t6))
    t8 = t0*t7
    t9 = np.exp((1 - t8)/p6)
    t10 = p6*(1 - t9) + 1
    t11 = p1*np.exp(-p3*np.log(t10*t6))
    t12 = (1.0/(t4))
    t13 = t12*t2
    t14 = np.exp((1 - t13)/p5)
    t15 = p5*(1 - t14) + 1
    t16 = p2*np.exp(-p4*np.log(t15*t4))
    t17 = t0 - t5
    t18 = np.heaviside(-t17, 0.5)
    t19 = p3*t11*t7/t10
    t20 = t1*t5*np.heaviside(t17, 0.5)
    t21 = t10*t20
    t22 = t2 - t3
    t23 = np.heaviside(-t22, 0.5)
    t24 = p4*t13*t23
    t25 = t20*t8*t9
    t26 = p4*t12
    t27 = t16*t26/t15
    t28 = t3*np.heaviside(t22, 0.5)
    t29 = t26*t28
    return (p0 + t11 + t16, -t19*(t0*t10*t18 - t6*t9*(t18*np.exp(2*v0)/(t6*t6) - t8)), -t19*(t21*t24 - t24*t25) - t27*(-t14*t4*(-t13 + t23*np.exp(2*v1)/(t4*t4)) + t15*t2*t23), -t19*(t21*t29 - t25*t29) - t27*(-t13*t14*t28 + t15*t28),)


DERIVED['1960dffb50221111'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (2, 2), (2, 3), (2, 4), (2, 5), (2, 6), (3, 3), (3, 4), (3, 6), (4, 4), (4, 5), (4, 6), (5, 5), (6, 6)),
    linear=('E',),
    exponents=('alpha', 'beta'),
    latex='L = E + A N_{eff}^{- \\alpha} + B D_{eff}^{- \\beta},\\quad U_{D} = \\min\\left(D, U\\right),\\quad R_{D} = \\frac{D}{U_{D}} - 1,\\quad D_{eff} = U_{D} \\left(RD \\left(1 - e^{- \\frac{R_{D}}{RD}}\\right) + 1\\right),\\quad U_{N} = \\min\\left(N, \\left(\\frac{A U_{D}^{\\beta} \\alpha}{B \\beta}\\right)^{\\frac{1}{\\alpha}}\\right),\\quad R_{N} = \\frac{N}{U_{N}} - 1,\\quad N_{eff} = U_{N} \\left(RN \\left(1 - e^{- \\frac{R_{N}}{RN}}\\right) + 1\\right)',
)


# lovelace: E + A / N**alpha + B / D**beta + P * R_D**delta * (N / U_D)**kappa
def value(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, v2, = x
    t0 = np.exp(v1)
    t1 = (1.0/((np.minimum(np.exp(v2), t0))))
    return (p0 + p1*np.exp(-p3*v0) + p2*np.exp(-p4*v1) + p5*np.exp(p6*np.log(np.maximum(9.9999999999999998e-13, t0*t1 - 1)))*np.exp(p7*np.log(t1*np.exp(v0))),)

def gradient(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, v2, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = np.exp(v1)
    t5 = (1.0/((np.minimum(np.exp(v2), t4))))
    t6 = np.log(np.maximum(9.9999999999999998e-13, t4*t5 - 1))
    t7 = np.log(t5*np.exp(v0))
    t8 = np.exp(p6*t6)*np.exp(p7*t7)
    t9 = p5*t8
    return (p0 + t1 + t3 + t9, 1, t0, t2, -t1*v0, -t3*v1, t8, t6*t9, t7*t9,)

def curvature(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, v2, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = np.exp(v1)
    t5 = (1.0/((np.minimum(np.exp(v2), t4))))
    t6 = np.log(np.maximum(9.9999999999999998e-13, t4*t5 - 1))
    t7 = np.log(t5*np.exp(v0))
    t8 = np.exp(p6*t6)*np.exp(p7*t7)
    t9 = p5*t8
    t10 = t6*t9
    return (p0 + t1 + t3 + t9, 1, t0, t2, -t1*v0, -t3*v1, t8, t10, t7*t9, -t0*v0, -t2*v1, t1*(v0*v0), t3*(v1*v1), t6*t8, t7*t8, (t6*t6)*t9, t10*t7, (t7*t7)*t9,)

def slope(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, v2, = x
    t0 = p1*np.exp(-p3*v0)
    t1 = p2*np.exp(-p4*v1)
    t2 = np.exp(v1)
    t3 = np.exp(v2)
    t4 = np.minimum(t2, t3)
    t5 = (1.0/(t4))
    t6 = t2*t5
    t7 = np.maximum(9.9999999999999998e-13, t6 - 1)
    t8 = np.exp(p6*np.log(t7))
    t9 = np.exp(p7*np.log(t5*np.exp(v0)))
    t10 = p5*t8*t9
    t11 = t2 - t3
    t12 = np.heaviside(-t11, 0.5)
    t13 = p7*t10
    t14 = (1.0/(t7))
    t15 = (1.0/(t4*t4))
    t16 = np.heaviside(t6 - 1.000000000001, 0.5)
    t17 = t3*np.heaviside(t11, 0.5)
    return (p0 + t0 + t1 + t10, -p3*t0 + p5*p7*t8*t9, -p4*t1 + p5*p6*t14*t16*t8*t9*(-t12*t15*np.exp(2*v1) + t6) - t12*t13*t6, -p6*t10*t14*t15*t16*t17*t2 - t13*t17*t5,)


DERIVED['1db878f0bc04b835'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 3), (2, 4), (3, 3), (4, 4), (5, 6), (5, 7), (6, 6), (6, 7), (7, 7)),
    linear=('E', 'A', 'B', 'P'),
    exponents=('alpha', 'beta', 'delta', 'kappa'),
    latex='L = E + A N^{- \\alpha} + B D^{- \\beta} + P R_{D}^{\\delta} \\left(\\frac{N}{U_{D}}\\right)^{\\kappa},\\quad U_{D} = \\min\\left(D, U\\right),\\quad R_{D} = \\max\\left(9.9999999999999998 \\cdot 10^{-13}, \\frac{D}{U_{D}} - 1\\right)',
)


# gadre: E + (a * M**eta + b * M**-eta) * C**-eta
def value(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(v1)
    t1 = p3*np.log(t0*np.exp(-v0))
    return (p0 + (p1*np.exp(t1) + p2*np.exp(-t1))*np.exp(-p3*np.log(6*t0*np.exp(v0))),)

def gradient(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(v1)
    t1 = np.log(t0*np.exp(-v0))
    t2 = p3*t1
    t3 = np.exp(t2)
    t4 = p1*t3
    t5 = np.exp(-t2)
    t6 = p2*t5
    t7 = np.log(6*t0*np.exp(v0))
    t8 = np.exp(-p3*t7)
    t9 = t8*(t4 + t6)
    return (p0 + t9, 1, t3*t8, t5*t8, -t7*t9 + t8*(t1*t4 - t1*t6),)

def curvature(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(v1)
    t1 = np.log(t0*np.exp(-v0))
    t2 = p3*t1
    t3 = np.exp(t2)
    t4 = p1*t3
    t5 = np.exp(-t2)
    t6 = p2*t5
    t7 = np.log(6*t0*np.exp(v0))
    t8 = np.exp(-p3*t7)
    t9 = t8*(t4 + t6)
    t10 = t3*t8
    t11 = t5*t8
    t12 = t1*t4 - t1*t6
    t13 = (t1*t1)
    return (p0 + t9, 1, t10, t11, t12*t8 - t7*t9, t1*t10 - t10*t7, -t1*t11 - t11*t7, -2*t12*t7*t8 + (t7*t7)*t9 + t8*(t13*t4 + t13*t6),)

def slope(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(v1)
    t1 = p3*np.log(t0*np.exp(-v0))
    t2 = p1*np.exp(t1)
    t3 = np.exp(-t1)
    t4 = np.exp(-p3*np.log(6*t0*np.exp(v0)))
    t5 = t4*(p2*t3 + t2)
    t6 = -p2*p3*t3 + p3*t2
    t7 = p3*t5
    return (p0 + t5, -t4*t6 - t7, t4*t6 - t7,)


DERIVED['25dafcea93818d9b'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 3), (2, 3), (3, 3)),
    linear=('E', 'a', 'b'),
    exponents=('eta',),
    latex='L = E + C^{- \\eta} \\left(a M^{\\eta} + b M^{- \\eta}\\right),\\quad C = 6 D N,\\quad M = \\frac{D}{N}',
)


# rosenfeld: e / sqrt(1 + (e / eps0)**2)
def value(p, x):
    p0, p1, p2, p3, p4, p5, = p
    v0, v1, = x
    t0 = p0 + p1*np.exp(-p3*v0) + p2*np.exp(-p4*v1)
    return (t0*np.exp(-1/2*np.log(1 + (t0*t0)/(p5*p5))),)

def gradient(p, x):
    p0, p1, p2, p3, p4, p5, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = p0 + t1 + t3
    t5 = (1.0/(p5*p5))
    t6 = (t4*t4)
    t7 = t5*t6
    t8 = np.log(t7 + 1)
    t9 = np.exp(-1/2*t8)
    t10 = np.exp(-3/2*t8)
    t11 = t10*t7
    return (t4*t9, -1/2*t10*t4*t5*(2*p0 + 2*t1 + 2*t3) + t9, -t0*t11 + t0*t9, -t11*t2 + t2*t9, p1*t0*t10*t5*t6*v0 - t1*t9*v0, p2*t10*t2*t5*t6*v1 - t3*t9*v1, t10*(t4*t4*t4)/(p5*p5*p5),)

def curvature(p, x):
    p0, p1, p2, p3, p4, p5, = p
    v0, v1, = x
    t0 = p3*v0
    t1 = np.exp(-t0)
    t2 = p1*t1
    t3 = p4*v1
    t4 = np.exp(-t3)
    t5 = p2*t4
    t6 = p0 + t2 + t5
    t7 = (1.0/(p5*p5))
    t8 = (t6*t6)
    t9 = t7*t8
    t10 = np.log(t9 + 1)
    t11 = np.exp(-1/2*t10)
    t12 = 2*t2
    t13 = 2*t5
    t14 = 2*p0 + t12 + t13
    t15 = np.exp(-3/2*t10)
    t16 = t15*t7
    t17 = t16*t6
    t18 = t1*t11
    t19 = t15*t9
    t20 = t1*t19
    t21 = t11*t4
    t22 = t19*t4
    t23 = (t6*t6*t6)
    t24 = t15/(p5*p5*p5)
    t25 = t14*t16
    t26 = (1.0/(p5*p5*p5*p5))
    t27 = np.exp(-5/2*t10)
    t28 = (1/2)*t25
    t29 = 2*t17
    t30 = t2*v0
    t31 = (3/2)*t14
    t32 = t26*t27*t31*t8
    t33 = t5*v1
    t34 = t24*t8
    t35 = (1.0/((p5)**5))
    t36 = np.exp(-2*t0)
    t37 = 3*t17
    t38 = t36*t37
    t39 = 3*t23*t26
    t40 = t27*t39
    t41 = p1*v0
    t42 = t1*t33
    t43 = (t6*t6*t6*t6)
    t44 = 3*t27*t35*t43
    t45 = 3*t34
    t46 = np.exp(-2*t3)
    t47 = t37*t46
    t48 = t30*t4
    t49 = p2*v1
    t50 = (v0*v0)
    t51 = (p1*p1)
    t52 = (v1*v1)
    t53 = (p2*p2)
    return (t11*t6, t11 - 1/2*t14*t17, t18 - t20, t21 - t22, p1*t1*t15*t7*t8*v0 - t11*t2*v0, p2*t15*t4*t7*t8*v1 - t11*t5*v1, t23*t24, (3/4)*(t14*t14)*t26*t27*t6 - t17 - t25, (3/2)*t1*t14*t26*t27*t8 - t1*t28 - t1*t29, (3/2)*t14*t26*t27*t4*t8 - t28*t4 - t29*t4, t12*t17*v0 + t28*t30 - t30*t32, t13*t17*v1 + t28*t33 - t32*t33, t14*t24*t6 - t23*t27*t31*t35 + t34, 3*t23*t26*t27*t36 - t38, 3*t1*t23*t26*t27*t4 - t1*t37*t4, -t18*v0 + t20*v0 - t36*t40*t41 + t38*t41, t37*t42 - t40*t42, -t1*t44 + t1*t45, 3*t23*t26*t27*t46 - t47, t37*t48 - t40*t48, -t21*v1 + t22*v1 - t40*t46*t49 + t47*t49, -t4*t44 + t4*t45, p1*t1*t11*t50 - t19*t2*t50 + 3*t23*t26*t27*t36*t50*t51 - t38*t50*t51, 3*p1*p2*t1*t23*t26*t27*t4*v0*v1 - t30*t33*t37, 3*p1*t1*t27*t35*t43*v0 - t30*t45, p2*t11*t4*t52 - t19*t5*t52 + 3*t23*t26*t27*t46*t52*t53 - t47*t52*t53, 3*p2*t27*t35*t4*t43*v1 - t33*t45, -t15*t39 + 3*t27*((t6)**5)/((p5)**6),)

def slope(p, x):
    p0, p1, p2, p3, p4, p5, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = p0 + t1 + t3
    t5 = (1.0/(p5*p5))
    t6 = (t4*t4)
    t7 = np.log(t5*t6 + 1)
    t8 = np.exp(-1/2*t7)
    t9 = np.exp(-3/2*t7)
    return (t4*t8, p1*p3*t0*t5*t6*t9 - p3*t1*t8, p2*p4*t2*t5*t6*t9 - p4*t3*t8,)


DERIVED['fb7aca51d104f866'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 2), (2, 3), (2, 4), (2, 5), (3, 3), (3, 4), (3, 5), (4, 4), (4, 5), (5, 5)),
    linear=(),
    exponents=('alpha', 'beta'),
    latex='L = \\frac{e}{\\sqrt{1 + \\frac{e^{2}}{eps_{0}^{2}}}},\\quad e = A N^{- \\alpha} + B D^{- \\beta} + E',
)


# kaplan: ((N_c / N)**(alpha_N / alpha_D) + D_c / D)**alpha_D
def value(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    return (np.exp(p3*np.log(p1*np.exp(-v1) + np.exp(p2*np.log(p0*np.exp(-v0))/p3))),)

def gradient(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(-v1)
    t1 = np.log(p0*np.exp(-v0))
    t2 = p2*t1/p3
    t3 = np.exp(t2)
    t4 = p1*t0 + t3
    t5 = np.log(t4)
    t6 = np.exp(p3*t5)
    t7 = (1.0/(t4))
    t8 = t6*t7
    t9 = t3*t8
    return (t6, p2*t9/p0, p3*t0*t8, t1*t9, t6*(-t2*t3*t7 + t5),)

def curvature(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(-v1)
    t1 = (1.0/(p3))
    t2 = np.log(p0*np.exp(-v0))
    t3 = p2*t2
    t4 = t1*t3
    t5 = np.exp(t4)
    t6 = p1*t0 + t5
    t7 = np.log(t6)
    t8 = np.exp(p3*t7)
    t9 = (1.0/(p0))
    t10 = (1.0/(t6))
    t11 = t10*t8
    t12 = t11*t5
    t13 = t12*t9
    t14 = t0*t11
    t15 = t12*t2
    t16 = t10*t5
    t17 = -t16*t4 + t7
    t18 = t17*t8
    t19 = np.exp(2*t4)
    t20 = (1.0/(t6*t6))
    t21 = t20*t8
    t22 = t19*t21
    t23 = (1.0/(p0*p0))
    t24 = (p2*p2)
    t25 = t23*t24
    t26 = t22*t25
    t27 = p2*t12
    t28 = t1*t12
    t29 = t0*t21*t5
    t30 = p2*t9
    t31 = t29*t30
    t32 = t22*t9
    t33 = t16*t18
    t34 = (p3*p3)
    t35 = (1.0/(t34))
    t36 = t24*t35
    t37 = t21*np.exp(-2*v1)
    t38 = t2*t29
    t39 = (t2*t2)
    t40 = t22*t39
    t41 = t24*t39/(p3*p3*p3)
    return (t8, p2*t13, p3*t14, t15, t18, -t1*t26 - t23*t27 + t25*t28 + t26, p3*t31 - t31, t13*t4 + t13 + t3*t32 - t32*t4, -t15*t36*t9 + t2*t32*t36 + t30*t33, -p3*t37 + t34*t37, p3*t38 - t38, p3*t0*t10*t18 + t14 + t29*t4, -t1*t40 + t28*t39 + t40, p2*t35*t40 + t2*t33 - t27*t35*t39, (t17*t17)*t8 + t8*(t16*t41 - t19*t20*t41),)

def slope(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = p1*np.exp(-v1)
    t1 = np.exp(p2*np.log(p0*np.exp(-v0))/p3)
    t2 = t0 + t1
    t3 = np.exp(p3*np.log(t2))
    t4 = t3/t2
    return (t3, -p2*t1*t4, -p3*t0*t4,)


DERIVED['ccbc75efa03b8be4'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)),
    linear=(),
    exponents=('alpha_N', 'alpha_D'),
    latex='L = \\left(\\left(\\frac{N_{c}}{N}\\right)^{\\frac{\\alpha_{N}}{\\alpha_{D}}} + \\frac{D_{c}}{D}\\right)^{\\alpha_{D}}',
)


# kaplan-n: (N_c / N)**alpha_N
def value(p, x):
    p0, p1, = p
    v0, = x
    return (np.exp(p1*np.log(p0*np.exp(-v0))),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.log(p0*np.exp(-v0))
    t1 = np.exp(p1*t0)
    return (t1, p1*t1/p0, t0*t1,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.log(p0*np.exp(-v0))
    t1 = p1*t0
    t2 = np.exp(t1)
    t3 = t2/p0
    t4 = t2/(p0*p0)
    return (t2, p1*t3, t0*t2, (p1*p1)*t4 - p1*t4, t1*t3 + t3, (t0*t0)*t2,)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*np.log(p0*np.exp(-v0)))
    return (t0, -p1*t0,)


DERIVED['3a5dfcb3fa2fbb7b'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 0), (0, 1), (1, 1)),
    linear=(),
    exponents=('alpha_N',),
    latex='L = \\left(\\frac{N_{c}}{N}\\right)^{\\alpha_{N}}',
)


# kaplan-d: (D_c / D)**alpha_D
def value(p, x):
    p0, p1, = p
    v0, = x
    return (np.exp(p1*np.log(p0*np.exp(-v0))),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.log(p0*np.exp(-v0))
    t1 = np.exp(p1*t0)
    return (t1, p1*t1/p0, t0*t1,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.log(p0*np.exp(-v0))
    t1 = p1*t0
    t2 = np.exp(t1)
    t3 = t2/p0
    t4 = t2/(p0*p0)
    return (t2, p1*t3, t0*t2, (p1*p1)*t4 - p1*t4, t1*t3 + t3, (t0*t0)*t2,)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*np.log(p0*np.exp(-v0)))
    return (t0, -p1*t0,)


DERIVED['93a63e0e7f259765'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 0), (0, 1), (1, 1)),
    linear=(),
    exponents=('alpha_D',),
    latex='L = \\left(\\frac{D_{c}}{D}\\right)^{\\alpha_{D}}',
)


# kaplan-c: (C_c / C)**alpha_C
def value(p, x):
    p0, p1, = p
    v0, = x
    return (np.exp(p1*np.log(p0*np.exp(-v0))),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.log(p0*np.exp(-v0))
    t1 = np.exp(p1*t0)
    return (t1, p1*t1/p0, t0*t1,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.log(p0*np.exp(-v0))
    t1 = p1*t0
    t2 = np.exp(t1)
    t3 = t2/p0
    t4 = t2/(p0*p0)
    return (t2, p1*t3, t0*t2, (p1*p1)*t4 - p1*t4, t1*t3 + t3, (t0*t0)*t2,)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*np.log(p0*np.exp(-v0)))
    return (t0, -p1*t0,)


DERIVED['0c46248332ce2925'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 0), (0, 1), (1, 1)),
    linear=(),
    exponents=('alpha_C',),
    latex='L = \\left(\\frac{C_{c}}{C}\\right)^{\\alpha_{C}}',
)


# kaplan-steps: (N_c / N)**alpha_N + (S_c / S)**alpha_S
def value(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    return (np.exp(p2*np.log(p0*np.exp(-v0))) + np.exp(p3*np.log(p1*np.exp(-v1))),)

def gradient(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.log(p0*np.exp(-v0))
    t1 = np.exp(p2*t0)
    t2 = np.log(p1*np.exp(-v1))
    t3 = np.exp(p3*t2)
    return (t1 + t3, p2*t1/p0, p3*t3/p1, t0*t1, t2*t3,)

def curvature(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.log(p0*np.exp(-v0))
    t1 = p2*t0
    t2 = np.exp(t1)
    t3 = np.log(p1*np.exp(-v1))
    t4 = p3*t3
    t5 = np.exp(t4)
    t6 = t2/p0
    t7 = t5/p1
    t8 = t2/(p0*p0)
    t9 = t5/(p1*p1)
    return (t2 + t5, p2*t6, p3*t7, t0*t2, t3*t5, (p2*p2)*t8 - p2*t8, t1*t6 + t6, (p3*p3)*t9 - p3*t9, t4*t7 + t7, (t0*t0)*t2, (t3*t3)*t5,)

def slope(p, x):
    p0, p1, p2, p3, = p
    v0, v1, = x
    t0 = np.exp(p2*np.log(p0*np.exp(-v0)))
    t1 = np.exp(p3*np.log(p1*np.exp(-v1)))
    return (t0 + t1, -p2*t0, -p3*t1,)


DERIVED['ca9ca689e80f74dc'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 0), (0, 2), (1, 1), (1, 3), (2, 2), (3, 3)),
    linear=(),
    exponents=('alpha_N', 'alpha_S'),
    latex='L = \\left(\\frac{N_{c}}{N}\\right)^{\\alpha_{N}} + \\left(\\frac{S_{c}}{S}\\right)^{\\alpha_{S}}',
)


# power-n: A / N**alpha
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(-p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-p1*v0)
    t1 = p0*t0
    return (t1, t0, -t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-p1*v0)
    t1 = p0*t0
    return (t1, t0, -t1*v0, -t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(-p1*v0)
    return (t0, -p1*t0,)


DERIVED['14186c5f7b432408'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('A',),
    exponents=('alpha',),
    latex='L = A N^{- \\alpha}',
)


# power-d: A / D**alpha
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(-p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-p1*v0)
    t1 = p0*t0
    return (t1, t0, -t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-p1*v0)
    t1 = p0*t0
    return (t1, t0, -t1*v0, -t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(-p1*v0)
    return (t0, -p1*t0,)


DERIVED['65a6e9da2987b53f'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('A',),
    exponents=('alpha',),
    latex='L = A D^{- \\alpha}',
)


# power-c: A / C**alpha
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(-p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-p1*v0)
    t1 = p0*t0
    return (t1, t0, -t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-p1*v0)
    t1 = p0*t0
    return (t1, t0, -t1*v0, -t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(-p1*v0)
    return (t0, -p1*t0,)


DERIVED['216ce5c8764d5fd0'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('A',),
    exponents=('alpha',),
    latex='L = A C^{- \\alpha}',
)


# floor-n: E + A / N**alpha
def value(p, x):
    p0, p1, p2, = p
    v0, = x
    return (p0 + p1*np.exp(-p2*v0),)

def gradient(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = np.exp(-p2*v0)
    t1 = p1*t0
    return (p0 + t1, 1, t0, -t1*v0,)

def curvature(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = np.exp(-p2*v0)
    t1 = p1*t0
    return (p0 + t1, 1, t0, -t1*v0, -t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = p1*np.exp(-p2*v0)
    return (p0 + t0, -p2*t0,)


DERIVED['0e67388dc4ac7be6'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 2), (2, 2)),
    linear=('E', 'A'),
    exponents=('alpha',),
    latex='L = E + A N^{- \\alpha}',
)


# floor-d: E + A / D**alpha
def value(p, x):
    p0, p1, p2, = p
    v0, = x
    return (p0 + p1*np.exp(-p2*v0),)

def gradient(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = np.exp(-p2*v0)
    t1 = p1*t0
    return (p0 + t1, 1, t0, -t1*v0,)

def curvature(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = np.exp(-p2*v0)
    t1 = p1*t0
    return (p0 + t1, 1, t0, -t1*v0, -t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = p1*np.exp(-p2*v0)
    return (p0 + t0, -p2*t0,)


DERIVED['22c70fef4be3ab25'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 2), (2, 2)),
    linear=('E', 'A'),
    exponents=('alpha',),
    latex='L = E + A D^{- \\alpha}',
)


# floor-c: E + A / C**alpha
def value(p, x):
    p0, p1, p2, = p
    v0, = x
    return (p0 + p1*np.exp(-p2*v0),)

def gradient(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = np.exp(-p2*v0)
    t1 = p1*t0
    return (p0 + t1, 1, t0, -t1*v0,)

def curvature(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = np.exp(-p2*v0)
    t1 = p1*t0
    return (p0 + t1, 1, t0, -t1*v0, -t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = p1*np.exp(-p2*v0)
    return (p0 + t0, -p2*t0,)


DERIVED['bbe1949686a9cac4'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 2), (2, 2)),
    linear=('E', 'A'),
    exponents=('alpha',),
    latex='L = E + A C^{- \\alpha}',
)


# interaction at the typical run: E + a / N**alpha + b / D**beta + g / (N**gamma * D**delta)
def value(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, = x
    return (p0 + p1*np.exp(-p3*v0) + p2*np.exp(-p4*v1) + p5*np.exp(-p6*v0)*np.exp(-p7*v1),)

def gradient(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = np.exp(-p6*v0)*np.exp(-p7*v1)
    t5 = p5*t4
    return (p0 + t1 + t3 + t5, 1, t0, t2, -t1*v0, -t3*v1, t4, -t5*v0, -t5*v1,)

def curvature(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, = x
    t0 = np.exp(-p3*v0)
    t1 = p1*t0
    t2 = np.exp(-p4*v1)
    t3 = p2*t2
    t4 = np.exp(-p6*v0)*np.exp(-p7*v1)
    t5 = p5*t4
    t6 = t5*v0
    t7 = (v0*v0)
    t8 = (v1*v1)
    return (p0 + t1 + t3 + t5, 1, t0, t2, -t1*v0, -t3*v1, t4, -t6, -t5*v1, -t0*v0, -t2*v1, t1*t7, t3*t8, -t4*v0, -t4*v1, t5*t7, t6*v1, t5*t8,)

def slope(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, = p
    v0, v1, = x
    t0 = p1*np.exp(-p3*v0)
    t1 = p2*np.exp(-p4*v1)
    t2 = p5*np.exp(-p6*v0)*np.exp(-p7*v1)
    return (p0 + t0 + t1 + t2, -p3*t0 - p6*t2, -p4*t1 - p7*t2,)


DERIVED['3d17b7c2d371dc72'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((1, 3), (2, 4), (3, 3), (4, 4), (5, 6), (5, 7), (6, 6), (6, 7), (7, 7)),
    linear=('E', 'a', 'b', 'g'),
    exponents=('alpha', 'beta', 'gamma', 'delta'),
    latex='L = E + a N^{- \\alpha} + b D^{- \\beta} + g D^{- \\delta} N^{- \\gamma}',
)


# farseer at the typical size: exp(g0 + g1 * (N**gamma - 1) / gamma) + exp(h0 + h1 * (N**beta - 1) / beta) * D**(-exp(k0 + k1 * (N**alpha - 1) / alpha))
def value(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, p8, = p
    v0, v1, = x
    return (np.exp(-v1*np.exp(p0 + p1*(np.exp(p2*v0) - 1)/p2))*np.exp(p3 + p4*(np.exp(p5*v0) - 1)/p5) + np.exp(p6 + p7*(np.exp(p8*v0) - 1)/p8),)

def gradient(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, p8, = p
    v0, v1, = x
    t0 = (1.0/(p2))
    t1 = np.exp(p2*v0)
    t2 = t1 - 1
    t3 = p1*t2
    t4 = v1*np.exp(p0 + t0*t3)
    t5 = (1.0/(p5))
    t6 = np.exp(p5*v0)
    t7 = t6 - 1
    t8 = p4*t7
    t9 = np.exp(-t4)*np.exp(p3 + t5*t8)
    t10 = (1.0/(p8))
    t11 = np.exp(p8*v0)
    t12 = t11 - 1
    t13 = t10*t12
    t14 = np.exp(p6 + p7*t13)
    t15 = t4*t9
    return (t14 + t9, -t15, -t0*t15*t2, -t15*(p1*t0*t1*v0 - t3/(p2*p2)), t9, t5*t7*t9, t9*(p4*t5*t6*v0 - t8/(p5*p5)), t14, t13*t14, t14*(p7*t10*t11*v0 - p7*t12/(p8*p8)),)

def curvature(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, p8, = p
    v0, v1, = x
    t0 = (1.0/(p2))
    t1 = np.exp(p2*v0)
    t2 = t1 - 1
    t3 = p1*t2
    t4 = t0*t3
    t5 = np.exp(p0 + t4)
    t6 = t5*v1
    t7 = np.exp(-t6)
    t8 = (1.0/(p5))
    t9 = np.exp(p5*v0)
    t10 = t9 - 1
    t11 = p4*t10
    t12 = np.exp(p3 + t11*t8)
    t13 = t12*t7
    t14 = (1.0/(p8))
    t15 = np.exp(p8*v0)
    t16 = t15 - 1
    t17 = t14*t16
    t18 = np.exp(p6 + p7*t17)
    t19 = t13*t6
    t20 = -t19
    t21 = t0*t2
    t22 = t19*t21
    t23 = -t22
    t24 = (1.0/(p2*p2))
    t25 = p1*t0*t1
    t26 = -t24*t3 + t25*v0
    t27 = t19*t26
    t28 = -t27
    t29 = t10*t13
    t30 = t29*t8
    t31 = (1.0/(p5*p5))
    t32 = p4*t8*t9
    t33 = -t11*t31 + t32*v0
    t34 = t13*t33
    t35 = t17*t18
    t36 = (1.0/(p8*p8))
    t37 = t16*t36
    t38 = t14*t15*v0
    t39 = -p7*t37 + p7*t38
    t40 = t18*t39
    t41 = (v1*v1)
    t42 = np.exp(2*p0 + 2*t4)
    t43 = t13*t41*t42
    t44 = t10*t8
    t45 = t34*t6
    t46 = (t2*t2)*t24
    t47 = (t26*t26)
    t48 = (v0*v0)
    t49 = 2*v0
    t50 = 2*p7
    return (t13 + t18, t20, t23, t28, t13, t30, t34, t18, t35, t40, t20 + t43, t21*t43 + t23, t26*t43 + t28, t20, -t19*t44, -t45, -t19*t46 + t43*t46, -t0*t1*t19*v0 + t0*t12*t2*t26*t41*t42*t7 + t12*t2*t24*t5*t7*v1 - t21*t27, t23, -t22*t44, -t21*t45, t12*t41*t42*t47*t7 - t19*t47 - t19*(-p1*t1*t24*t49 + t25*t48 + 2*t3/(p2*p2*p2)), t28, -t27*t44, -t26*t45, t13, t30, t34, (t10*t10)*t13*t31, t13*t8*t9*v0 - t29*t31 + t34*t44, t13*(t33*t33) + t13*(-p4*t31*t49*t9 + t32*t48 + 2*t11/(p5*p5*p5)), t18, t35, t40, (t16*t16)*t18*t36, t17*t40 - t18*t37 + t18*t38, t18*(t39*t39) + t18*(p7*t14*t15*t48 - t15*t36*t50*v0 + t16*t50/(p8*p8*p8)),)

def slope(p, x):
    p0, p1, p2, p3, p4, p5, p6, p7, p8, = p
    v0, v1, = x
    t0 = np.exp(p2*v0)
    t1 = np.exp(p0 + p1*(t0 - 1)/p2)
    t2 = t1*v1
    t3 = np.exp(p5*v0)
    t4 = np.exp(-t2)*np.exp(p3 + p4*(t3 - 1)/p5)
    t5 = np.exp(p8*v0)
    t6 = np.exp(p6 + p7*(t5 - 1)/p8)
    return (t4 + t6, -p1*t0*t2*t4 + p4*t3*t4 + p7*t5*t6, -t1*t4,)


DERIVED['67dc503c1250048a'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 2), (2, 3), (2, 4), (2, 5), (3, 3), (3, 4), (3, 5), (4, 4), (4, 5), (5, 5), (6, 6), (6, 7), (6, 8), (7, 7), (7, 8), (8, 8)),
    linear=(),
    exponents=('alpha', 'beta', 'gamma'),
    latex='L = D^{- e^{k_{0} + \\frac{k_{1} \\left(-1 + N^{\\alpha}\\right)}{\\alpha}}} e^{h_{0} + \\frac{h_{1} \\left(-1 + N^{\\beta}\\right)}{\\beta}} + e^{g_{0} + \\frac{g_{1} \\left(-1 + N^{\\gamma}\\right)}{\\gamma}}',
)


# step-law lr: c * N**alpha * D**beta
def value(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    return (p0*np.exp(p1*v0)*np.exp(p2*v1),)

def gradient(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = np.exp(p1*v0)*np.exp(p2*v1)
    t1 = p0*t0
    return (t1, t0, t1*v0, t1*v1,)

def curvature(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = np.exp(p1*v0)*np.exp(p2*v1)
    t1 = p0*t0
    t2 = t1*v0
    return (t1, t0, t2, t1*v1, t0*v0, t0*v1, t1*(v0*v0), t2*v1, t1*(v1*v1),)

def slope(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = p0*np.exp(p1*v0)*np.exp(p2*v1)
    return (t0, p1*t0, p2*t0,)


DERIVED['cba08680c276dcb7'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (0, 2), (1, 1), (1, 2), (2, 2)),
    linear=('c',),
    exponents=('alpha', 'beta'),
    latex='L = c D^{\\beta} N^{\\alpha}',
)


# step-law batch: d * D**gamma
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0, t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(p1*v0)
    return (t0, p1*t0,)


DERIVED['e42b6410cec23b09'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('d',),
    exponents=('gamma',),
    latex='L = d D^{\\gamma}',
)


# horizon lr: c * (N / 1e9)**alpha * (D / 1e9)**beta
def value(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    return (p0*np.exp(p1*np.log((1/1000000000)*np.exp(v0)))*np.exp(p2*np.log((1/1000000000)*np.exp(v1))),)

def gradient(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = np.log((1/1000000000)*np.exp(v0))
    t1 = np.log((1/1000000000)*np.exp(v1))
    t2 = np.exp(p1*t0)*np.exp(p2*t1)
    t3 = p0*t2
    return (t3, t2, t0*t3, t1*t3,)

def curvature(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = np.log((1/1000000000)*np.exp(v0))
    t1 = np.log((1/1000000000)*np.exp(v1))
    t2 = np.exp(p1*t0)*np.exp(p2*t1)
    t3 = p0*t2
    t4 = t0*t3
    return (t3, t2, t4, t1*t3, t0*t2, t1*t2, (t0*t0)*t3, t1*t4, (t1*t1)*t3,)

def slope(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = p0*np.exp(p1*np.log((1/1000000000)*np.exp(v0)))*np.exp(p2*np.log((1/1000000000)*np.exp(v1)))
    return (t0, p1*t0, p2*t0,)


DERIVED['ce1d4e70b8bb8168'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (0, 2), (1, 1), (1, 2), (2, 2)),
    linear=('c',),
    exponents=('alpha', 'beta'),
    latex='L = c \\left(\\frac{D}{1000000000}\\right)^{\\beta} \\left(\\frac{N}{1000000000}\\right)^{\\alpha}',
)


# ling-moe lr: c * C**alpha
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0, t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(p1*v0)
    return (t0, p1*t0,)


DERIVED['9e2acc89b26b3e7b'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('c',),
    exponents=('alpha',),
    latex='L = c C^{\\alpha}',
)


# ling-moe batch: b * C**gamma
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0, t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(p1*v0)
    return (t0, p1*t0,)


DERIVED['f4fa63a73967d968'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('b',),
    exponents=('gamma',),
    latex='L = b C^{\\gamma}',
)


# ling model: m * C**mu
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0, t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(p1*v0)
    return (t0, p1*t0,)


DERIVED['df1a737d8d66f7d1'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('m',),
    exponents=('mu',),
    latex='L = m C^{\\mu}',
)


# ling data: t * C**nu
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0, t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(p1*v0)
    return (t0, p1*t0,)


DERIVED['b7beb963f8b20cee'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('t',),
    exponents=('nu',),
    latex='L = t C^{\\nu}',
)


# porian lr: c * (N / N_0)**alpha
def value(p, x):
    p0, p1, p2, = p
    v0, = x
    return (p0*np.exp(p2*np.log(np.exp(v0)/p1)),)

def gradient(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = (1.0/(p1))
    t1 = np.log(t0*np.exp(v0))
    t2 = np.exp(p2*t1)
    t3 = p0*t2
    return (t3, t2, -p2*t0*t3, t1*t3,)

def curvature(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = (1.0/(p1))
    t1 = np.log(t0*np.exp(v0))
    t2 = p2*t1
    t3 = np.exp(t2)
    t4 = p0*t3
    t5 = p2*t0
    t6 = t4/(p1*p1)
    t7 = t0*t4
    return (t4, t3, -t4*t5, t1*t4, -t3*t5, t1*t3, (p2*p2)*t6 + p2*t6, -t2*t7 - t7, (t1*t1)*t4,)

def slope(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = p0*np.exp(p2*np.log(np.exp(v0)/p1))
    return (t0, p2*t0,)


DERIVED['9217b19d4c1c9d2a'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (0, 2), (1, 1), (1, 2), (2, 2)),
    linear=('c',),
    exponents=('alpha',),
    latex='L = c \\left(\\frac{N}{N_{0}}\\right)^{\\alpha}',
)


# porian batch: 2048 * b * (N / M_0)**gamma
def value(p, x):
    p0, p1, p2, = p
    v0, = x
    return (2048*p0*np.exp(p2*np.log(np.exp(v0)/p1)),)

def gradient(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = (1.0/(p1))
    t1 = np.log(t0*np.exp(v0))
    t2 = 2048*np.exp(p2*t1)
    t3 = p0*t2
    return (t3, t2, -p2*t0*t3, t1*t3,)

def curvature(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = (1.0/(p1))
    t1 = np.log(t0*np.exp(v0))
    t2 = p2*t1
    t3 = 2048*np.exp(t2)
    t4 = p0*t3
    t5 = p2*t0
    t6 = t4/(p1*p1)
    t7 = t0*t4
    return (t4, t3, -t4*t5, t1*t4, -t3*t5, t1*t3, (p2*p2)*t6 + p2*t6, -t2*t7 - t7, (t1*t1)*t4,)

def slope(p, x):
    p0, p1, p2, = p
    v0, = x
    t0 = 2048*p0*np.exp(p2*np.log(np.exp(v0)/p1))
    return (t0, p2*t0,)


DERIVED['a1e638a9fd824619'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (0, 2), (1, 1), (1, 2), (2, 2)),
    linear=('b',),
    exponents=('gamma',),
    latex='L = 2048 b \\left(\\frac{N}{M_{0}}\\right)^{\\gamma}',
)


# kaplan lr: c - k * log(N)
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0 - p1*v0,)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    return (p0 - p1*v0, 1, -v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    return (p0 - p1*v0, 1, -v0,)

def slope(p, x):
    p0, p1, = p
    v0, = x
    return (p0 - p1*v0, -p1,)


DERIVED['7dbc3bb7e36b27b3'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=(),
    linear=('c', 'k'),
    exponents=(),
    latex='L = c - k \\log{\\left(N \\right)}',
)


# kaplan critical batch: B_star / L**(1 / alpha_B)
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(-v0/p1),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-v0/p1)
    t1 = p0*t0
    return (t1, t0, t1*v0/(p1*p1),)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-v0/p1)
    t1 = p0*t0
    t2 = v0/(p1*p1)
    return (t1, t0, t1*t2, t0*t2, p0*t0*(v0*v0)/(p1*p1*p1*p1) - 2*t1*v0/(p1*p1*p1),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = (1.0/(p1))
    t1 = p0*np.exp(-t0*v0)
    return (t1, -t0*t1,)


DERIVED['8ac0c6d002232a86'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('B_star',),
    exponents=('alpha_B',),
    latex='L = B_{star} L^{- \\frac{1}{\\alpha_{B}}}',
)


# kaplan-frontier critical batch: b * (C / 8.64e19)**gamma
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(p1*np.log(1.1574074074074074e-20*np.exp(v0))),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.log(1.1574074074074074e-20*np.exp(v0))
    t1 = np.exp(p1*t0)
    t2 = p0*t1
    return (t2, t1, t0*t2,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.log(1.1574074074074074e-20*np.exp(v0))
    t1 = np.exp(p1*t0)
    t2 = p0*t1
    return (t2, t1, t0*t2, t0*t1, (t0*t0)*t2,)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(p1*np.log(1.1574074074074074e-20*np.exp(v0)))
    return (t0, 1.0*p1*t0,)


DERIVED['bbcff840142f24cd'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('b',),
    exponents=('gamma',),
    latex='L = b \\left(1.1574074074074074 \\cdot 10^{-20} C\\right)^{\\gamma}',
)


# power-lines batch: 2048 * b * D**gamma
def value(p, x):
    p0, p1, = p
    v0, = x
    return (2048*p0*np.exp(p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = 2048*np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = 2048*np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0, t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = 2048*p0*np.exp(p1*v0)
    return (t0, p1*t0,)


DERIVED['92937b2b82639bc0'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('b',),
    exponents=('gamma',),
    latex='L = 2048 b D^{\\gamma}',
)


# power-lines critical batch: b_crit * D**delta
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0, t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(p1*v0)
    return (t0, p1*t0,)


DERIVED['0c3443bcbe167362'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('b_crit',),
    exponents=('delta',),
    latex='L = b_{crit} D^{\\delta}',
)


# power-lines timescale: tau_1 * (D / N)**kappa
def value(p, x):
    p0, p1, = p
    v0, v1, = x
    return (p0*np.exp(p1*np.log(np.exp(-v0)*np.exp(v1))),)

def gradient(p, x):
    p0, p1, = p
    v0, v1, = x
    t0 = np.log(np.exp(-v0)*np.exp(v1))
    t1 = np.exp(p1*t0)
    t2 = p0*t1
    return (t2, t1, t0*t2,)

def curvature(p, x):
    p0, p1, = p
    v0, v1, = x
    t0 = np.log(np.exp(-v0)*np.exp(v1))
    t1 = np.exp(p1*t0)
    t2 = p0*t1
    return (t2, t1, t0*t2, t0*t1, (t0*t0)*t2,)

def slope(p, x):
    p0, p1, = p
    v0, v1, = x
    t0 = p0*np.exp(p1*np.log(np.exp(-v0)*np.exp(v1)))
    t1 = p1*t0
    return (t0, -t1, t1,)


DERIVED['3086653e3445333c'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('tau_1',),
    exponents=('kappa',),
    latex='L = \\tau_{1} \\left(\\frac{D}{N}\\right)^{\\kappa}',
)


# minicpm batch: b / L**gamma
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(-p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-p1*v0)
    t1 = p0*t0
    return (t1, t0, -t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(-p1*v0)
    t1 = p0*t0
    return (t1, t0, -t1*v0, -t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(-p1*v0)
    return (t0, -p1*t0,)


DERIVED['4bcc3dd36db6e924'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('b',),
    exponents=('gamma',),
    latex='L = b L^{- \\gamma}',
)


# skaling lr: c * F**alpha * D**beta
def value(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    return (p0*np.exp(p1*v0)*np.exp(p2*v1),)

def gradient(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = np.exp(p1*v0)*np.exp(p2*v1)
    t1 = p0*t0
    return (t1, t0, t1*v0, t1*v1,)

def curvature(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = np.exp(p1*v0)*np.exp(p2*v1)
    t1 = p0*t0
    t2 = t1*v0
    return (t1, t0, t2, t1*v1, t0*v0, t0*v1, t1*(v0*v0), t2*v1, t1*(v1*v1),)

def slope(p, x):
    p0, p1, p2, = p
    v0, v1, = x
    t0 = p0*np.exp(p1*v0)*np.exp(p2*v1)
    return (t0, p1*t0, p2*t0,)


DERIVED['192bf73e3b97e3cb'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (0, 2), (1, 1), (1, 2), (2, 2)),
    linear=('c',),
    exponents=('alpha', 'beta'),
    latex='L = c D^{\\beta} F^{\\alpha}',
)


# skaling batch: b * F**gamma
def value(p, x):
    p0, p1, = p
    v0, = x
    return (p0*np.exp(p1*v0),)

def gradient(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0,)

def curvature(p, x):
    p0, p1, = p
    v0, = x
    t0 = np.exp(p1*v0)
    t1 = p0*t0
    return (t1, t0, t1*v0, t0*v0, t1*(v0*v0),)

def slope(p, x):
    p0, p1, = p
    v0, = x
    t0 = p0*np.exp(p1*v0)
    return (t0, p1*t0,)


DERIVED['35f434883b88c759'] = dict(
    value=value, gradient=gradient, curvature=curvature, slope=slope,
    second=((0, 1), (1, 1)),
    linear=('b',),
    exponents=('gamma',),
    latex='L = b F^{\\gamma}',
)
